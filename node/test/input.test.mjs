// Whatever cannot be used is a TypeError or RangeError that names it, and nothing is sent.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Nexus } from 'opencode-nexus'
import { startServer } from './help/server.mjs'

const server = await startServer()
const nexus = await Nexus.connect(server.url, { directory: server.directory })
const chat = await nexus.conversation()
test.after(() => nexus.close())

const LONE = 'half \ud800 of a pair'
const HUGE = 'x'.repeat(17 * 1024 * 1024)
const cyclic = {}
cyclic.self = cyclic
const deep = Array.from({ length: 200 }).reduce((inner) => [inner], 1)

/** What is done, which kind of error it is, and what it names. */
const WRONG = [
  ['a prompt that is missing', () => chat.prompt(), TypeError, 'prompt'],
  ['a prompt that is null', () => chat.prompt(null), TypeError, 'prompt'],
  ['a prompt that is a number', () => chat.prompt(7), TypeError, 'prompt'],
  ['a prompt that is a bigint', () => chat.prompt(7n), TypeError, 'prompt'],
  ['a prompt that is a symbol', () => chat.prompt(Symbol('x')), TypeError, 'prompt'],
  ['a prompt that is a function', () => chat.prompt(() => {}), TypeError, 'prompt'],
  ['an empty prompt', () => chat.prompt(''), RangeError, 'prompt'],
  ['no pieces', () => chat.prompt([]), RangeError, 'prompt'],
  ['a huge prompt', () => chat.prompt(HUGE), RangeError, 'prompt'],
  ['half of a pair', () => chat.prompt(LONE), TypeError, 'prompt'],
  ['half of a pair in a piece', () => chat.prompt(['a', LONE]), TypeError, 'prompt[1]'],
  ['a piece of no kind', () => chat.prompt([{ text: 'x' }]), TypeError, 'prompt[0].type'],
  ['a piece of an unknown kind', () => chat.prompt([{ type: 'smell' }]), RangeError, 'prompt[0].type'],
  ['a piece with an unknown name', () => chat.prompt({ type: 'text', text: 'x', txt: 'y' }), TypeError, 'prompt.txt'],
  ['a piece that is cyclic', () => chat.prompt([cyclic]), TypeError, 'prompt[0].type'],
  ['a file without a path', () => chat.prompt([{ type: 'file' }]), TypeError, 'prompt[0].path'],
  ['lines that are none', () => chat.prompt([{ type: 'file', path: 'a', lines: [3, 1] }]), RangeError, 'prompt[0].lines'],
  ['an image without bytes', () => chat.prompt([{ type: 'image', mime: 'image/png', data: [1] }]), TypeError, 'prompt[0].data'],
  ['options that are none', () => chat.prompt('x', 7), TypeError, 'options'],
  ['options that are null', () => chat.prompt('x', null), TypeError, 'options'],
  ['an option that is not known', () => chat.prompt('x', { modle: 'p/m' }), TypeError, 'options.modle'],
  ['a model that is a number', () => chat.prompt('x', { model: 7 }), TypeError, 'options.model'],
  ['a deadline that is text', () => chat.prompt('x', { deadline: '7' }), TypeError, 'options.deadline'],
  ['a deadline that is negative', () => chat.prompt('x', { deadline: -1 }), RangeError, 'options.deadline'],
  ['a deadline that is not a number', () => chat.prompt('x', { deadline: NaN }), RangeError, 'options.deadline'],
  ['a signal that is none', () => chat.prompt('x', { signal: {} }), TypeError, 'options.signal'],
  ['context that is no list', () => chat.prompt('x', { context: 'git-diff' }), TypeError, 'options.context'],
  ['a delivery that is not known', () => chat.prompt('x', { delivery: 'soon' }), RangeError, 'options.delivery'],
  ['a command without a name', () => chat.command(''), RangeError, 'name'],
  ['a command with arguments that are none', () => chat.command('init', 7), TypeError, 'args'],
  ['a shell command that is null', () => chat.shell(null), TypeError, 'command'],
  ['a summary with an unknown option', () => chat.summarize({ x: 1 }), TypeError, 'options.x'],
  ['an address that is null', () => Nexus.connect(null), TypeError, 'url'],
  ['an address that is empty', () => Nexus.connect(''), RangeError, 'url'],
  ['an address with half of a pair', () => Nexus.connect(`http://${LONE}`), TypeError, 'url'],
  ['a password that is a number', () => Nexus.connect(server.url, { password: 7 }), TypeError, 'options.password'],
  ['a local server with an address', () => Nexus.local({ url: server.url }), TypeError, 'options.url'],
  ['keep that is a flag', () => Nexus.local({ keep: true }), TypeError, 'options.keep'],
  ['progress that is no function', () => Nexus.local({ onProgress: 7 }), TypeError, 'options.onProgress'],
  ['a provider without a function', () => Nexus.local({ providers: [{ name: 'x' }] }), TypeError, 'options.providers[0].provide'],
  ['a provider with a wrong name', () => Nexus.local({ providers: [{ name: 'X y', provide() {} }] }), RangeError, 'options.providers[0].name'],
  ['permissions that are not known', () => nexus.conversation({ permissions: 'maybe' }), RangeError, 'options.permissions'],
  ['a rule without a pattern', () => nexus.conversation({ rules: [{ action: 'bash', decision: 'allow' }] }), TypeError, 'options.rules[0].pattern'],
  ['a function that is none', () => nexus.conversation({ onPermission: 'once' }), TypeError, 'options.onPermission'],
  ['a session that is null', () => nexus.conversation({ session: null }), TypeError, 'options.session'],
  ['time that is infinite', () => nexus.conversation({ giveUp: Infinity }), RangeError, 'options.giveUp'],
  ['a title that is no text', () => chat.rename(7), TypeError, 'title'],
  ['a message that is no text', () => chat.revert(undefined), TypeError, 'message'],
  ['a reply that is none', () => chat.replyPermission('per_1', 'maybe'), RangeError, 'reply'],
  ['answers that are no lists', () => chat.answerQuestion('que_1', ['red']), TypeError, 'answers[0]'],
  ['a limit that is a fraction', () => nexus.sessions({ limit: 1.5 }), RangeError, 'options.limit'],
  ['a limit that is negative', () => nexus.sessions({ limit: -1 }), RangeError, 'options.limit'],
  ['a patch that is cyclic', () => nexus.patchConfiguration(cyclic), TypeError, 'patch.self'],
  ['a line that is not known', () => nexus.call('v3', 'x'), RangeError, 'line'],
  ['arguments that are cyclic', () => nexus.api.sessionCreate({ body: cyclic }), TypeError, 'self'],
  ['arguments with a bigint', () => nexus.api.sessionCreate({ body: { title: 7n } }), TypeError, 'title'],
  ['arguments with a function', () => nexus.api.sessionCreate({ body: { title: () => {} } }), TypeError, 'title'],
  ['arguments with half of a pair', () => nexus.api.sessionCreate({ body: { title: LONE } }), TypeError, 'title'],
  ['arguments that are nested without end', () => nexus.api.sessionCreate({ body: deep }), RangeError, 'deeper'],
]

for (const [name, attempt, kind, named] of WRONG) {
  test(`${name} is a ${kind.name} that names ${named}`, async () => {
    await assert.rejects(
      async () => {
        const made = attempt()
        return 'finish' in made ? made.finish() : made
      },
      (error) => {
        assert.equal(error.constructor, kind, error.stack)
        assert.ok(error.message.includes(named), error.message)
        assert.ok(error.message.length < 300 && !error.message.includes('\n'), error.message)
        return true
      },
    )
  })
}

test('nothing of it has reached the server', async () => {
  assert.deepEqual(await chat.readMessages(), [])
})

test('odd texts that are texts come back as they were', async () => {
  for (const odd of ['\u0000\u0007', '👩‍👩‍👧‍👦 ﷽', '"\\ \u2028\u2029', 'é'.repeat(10_000)]) {
    const turn = chat.prompt(odd)
    await turn.finish()
    const asked = chat.messages.find((message) => message.id === turn.messageId)
    assert.equal(asked.parts[0].body.text, odd)
  }
})
