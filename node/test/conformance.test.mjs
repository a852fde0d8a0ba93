// Plays the cases of `tests/conformance`: the same files as Rust and Python, against the same real servers.

import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { test } from 'node:test'

import { Nexus, NexusError } from 'opencode-nexus'
import { camel, matches, missing } from './help/expect.mjs'
import { startServer } from './help/server.mjs'

const CASES = new URL('../../tests/conformance/', import.meta.url)
const TURNS = ['prompt', 'command', 'shell', 'summarize']

/** Every case that holds on a line, with the line's names of tools. */
function cases(line) {
  const [shell, path] = line === '1' ? ['bash', 'filePath'] : ['shell', 'path']
  const files = readdirSync(CASES).filter((name) => name.endsWith('.json')).sort()
  const texts = files.map((name) => readFileSync(new URL(name, CASES), 'utf8').replaceAll('{{shell}}', shell).replaceAll('{{path}}', path))
  return texts.flatMap((text) => JSON.parse(text)).filter(({ lines = ['1', '2'] }) => lines.includes(line))
}

/** One case on one connection. */
class Player {
  #names = {}

  constructor(nexus) {
    this.nexus = nexus
  }

  /** A value with what earlier steps have named. */
  filled(value) {
    if (typeof value === 'string' && value.startsWith('$')) {
      const [name, ...attributes] = value.slice(1).split('.')
      return attributes.reduce((found, attribute) => found[attribute in found ? attribute : camel(attribute)], this.#names[name])
    }
    if (Array.isArray(value)) return value.map((item) => this.filled(item))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.filled(item)]))
  }

  async step(step) {
    const expected = step.expect ?? {}
    let result
    try {
      result = await this.done(step, expected)
    } catch (error) {
      const known = NexusError.is(error) || error.constructor === TypeError || error.constructor === RangeError
      if (!expected.error || !known) throw error
      // What this side refuses before it is sent is the same mistake.
      assert.equal(error.code ?? 'user.invalid_input', expected.error.code)
      assert.ok(error.message.includes(expected.error.says ?? ''), error.message)
      return
    }
    assert.ok(!expected.error, `${JSON.stringify(step)} did not fail`)
    if (step.as) this.#names[step.as] = result
    if ('result' in expected) {
      assert.ok(matches(this.filled(expected.result), result), `${JSON.stringify(step)}\n${JSON.stringify(result)}`)
    }
  }

  async done(step, expected) {
    const given = this.filled(step.with ?? {})
    const target = step.on ? this.#names[step.on] : this.nexus
    const options = () => Object.fromEntries(Object.entries(given).map(([name, value]) => [camel(name), value]))
    if (TURNS.includes(step.do)) return this.turn(target, this.begun(step.do, target, options()), step, expected)
    switch (step.do) {
      case 'api':
        // The cases have the names of the wire, so it is called by them and not by a generated method.
        return this.nexus.call(this.nexus.server.line, given.id, given.arguments ?? {})
      case 'raw_events':
        return this.raw(given, expected)
      case 'messages':
        return target.readMessages()
      case 'rename':
        return target.rename(given.title)
      case 'fork':
        return target.fork(given.at)
      case 'diff':
        return target.diff(given.message)
      case 'conversation':
      case 'sessions':
      case 'models':
      case 'agents':
      case 'commands':
      case 'delete':
      case 'todos':
      case 'children':
        return target[step.do](options())
      default:
        throw new Error(`no case says what ${step.do} is`)
    }
  }

  begun(what, chat, { text, parts, name, arguments: args, command, ...options }) {
    switch (what) {
      case 'prompt':
        return chat.prompt(parts ?? text, options)
      case 'command':
        return chat.command(name, args, options)
      case 'shell':
        return chat.shell(command, options)
      default:
        return chat.summarize(options)
    }
  }

  async turn(chat, turn, step, expected) {
    const answer = step.answer ?? {}
    const told = []
    let stop = step.stop_at
    for await (const event of turn) {
      told.push(event)
      if (event.type === 'permission_asked' && 'permission' in answer) {
        await chat.replyPermission(event.permission.id, answer.permission)
      } else if (event.type === 'question_asked' && 'question' in answer) {
        const label = answer.question === null ? null : event.question.items[0].options[answer.question].label
        await (label === null ? chat.rejectQuestion(event.question.id) : chat.answerQuestion(event.question.id, [[label]]))
      }
      if (stop !== undefined && turn.answer.includes(stop)) {
        stop = undefined
        await turn.abort()
      }
    }
    const shown = () => `${JSON.stringify(step)}\n${told.map((event) => JSON.stringify(event)).join('\n')}`
    assert.equal(missing(this.filled(expected.events ?? []), told), undefined, shown())
    for (const never of expected.none ?? []) assert.ok(!told.some((event) => matches(never, event)), shown())
    if ('text' in expected) assert.ok(matches(expected.text, turn.answer), shown())
    if ('outcome' in expected) assert.ok(matches(expected.outcome, turn.outcome), shown())
    return turn.outcome
  }

  async raw(given, expected) {
    const types = []
    for await (const event of this.nexus.events()) {
      if (event.type === 'nexus.connected') {
        const turn = (await this.nexus.conversation()).prompt(given.prompt)
        await turn.sent()
        await turn.detach()
        continue
      }
      assert.equal(event.type, event.data.type)
      types.push(event.type)
      if (event.type === given.until) break
    }
    assert.equal(missing(expected.types ?? [], types), undefined, types.join(' '))
    return types
  }
}

for (const [line, version] of [['1', undefined], ['2', process.env.NEXUS_TEST_SECOND]]) {
  const every = cases(line)
  const behaviour = { conversations: every.flatMap((one) => one.model ?? []) }
  const server = await startServer({ behaviour, version, permission: { bash: 'ask', edit: 'ask' } })
  const nexus = await Nexus.connect(server.url, { directory: server.directory })
  test.after(() => nexus.close())
  for (const one of every) {
    test(`OpenCode ${line}: ${one.name}`, async () => {
      const player = new Player(nexus)
      for (const step of one.steps) await player.step(step)
    })
  }
}

test('there are cases of both lines', () => {
  assert.ok(cases('1').length > 15 && cases('2').length > 10)
})
