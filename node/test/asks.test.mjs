// What the agent asks is answered by functions of the program; one that throws denies, and whoever reads the turn is told.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Nexus } from 'opencode-nexus'
import { all, startServer, until } from './help/server.mjs'

const server = await startServer({ permission: { bash: 'ask', edit: 'ask' } })
const nexus = await Nexus.connect(server.url, { directory: server.directory })
const idle = () => until(async () => (await nexus.running()).length === 0, 'nothing runs')

test.after(() => nexus.close())

/** The tool call of a turn's events, as it ended. */
const tool = (events) => events.filter((event) => event.type === 'part' && event.part.body.type === 'tool').at(-1)?.part.body

for (const [name, answer] of [
  ['at once', () => 'once'],
  ['later', async () => 'once'],
  ['with true', () => true],
]) {
  test(`a permission is given by a function that answers ${name}`, async () => {
    const asked = []
    const chat = await nexus.conversation({ onPermission: (permission) => (asked.push(permission), answer()) })
    const events = await all(chat.prompt('Tool'))
    assert.equal(events.at(-1).outcome.kind, 'completed')
    assert.deepEqual([tool(events).status, tool(events).output.trim()], ['completed', 'looked'])
    assert.equal(asked.length, 1)
    assert.deepEqual([asked[0].action, asked[0].patterns, asked[0].sessionId], ['bash', ['echo looked'], chat.sessionId])
    const types = events.map((event) => event.type)
    assert.ok(types.indexOf('permission_asked') < types.indexOf('permission_closed'))
    chat.close()
  })
}

test('a permission is refused with a reason, and the agent goes on', async () => {
  const chat = await nexus.conversation({ onPermission: () => ({ reject: 'Not on a Sunday.' }) })
  const events = await all(chat.prompt('Tool'))
  assert.equal(tool(events).status, 'error')
  assert.match(tool(events).error, /Not on a Sunday/)
  assert.equal(events.at(-1).outcome.kind, 'completed')
  chat.close()
})

test('a permission is answered from within the loop', async () => {
  const chat = await nexus.conversation()
  const events = []
  for await (const event of chat.prompt('Tool')) {
    events.push(event)
    if (event.type === 'permission_asked') assert.equal(await chat.replyPermission(event.permission.id, 'once'), true)
  }
  assert.equal(tool(events).status, 'completed')
  assert.equal(await chat.replyPermission('per_nobody', 'once'), false)
})

test('rules answer before any function is asked', async () => {
  const onPermission = () => assert.fail('it was asked')
  const rules = [{ action: 'bash', pattern: 'echo *', decision: 'allow' }]
  const chat = await nexus.conversation({ rules, onPermission, permissions: 'ask' })
  assert.equal(tool(await all(chat.prompt('Tool'))).status, 'completed')
  const denied = await nexus.conversation({ permissions: 'deny', onPermission })
  assert.equal(tool(await all(denied.prompt('Tool'))).status, 'error')
})

for (const [name, fail] of [
  ['throws', () => { throw new RangeError('I cannot decide') }],
  ['rejects', async () => { throw new RangeError('I cannot decide') }],
]) {
  test(`a function that ${name} denies the permission, and the reader of the turn is told`, async () => {
    const chat = await nexus.conversation({ onPermission: fail })
    const turn = chat.prompt('Tool')
    const events = []
    await assert.rejects(
      async () => {
        for await (const event of turn) events.push(event)
      },
      (error) => error instanceof RangeError && error.message === 'I cannot decide',
    )
    await assert.rejects(turn.finish(), RangeError)
    await idle()
    const call = (await chat.readMessages()).flatMap((message) => message.parts).find((part) => part.body.type === 'tool')
    assert.equal(call.body.status, 'error')
    chat.close()
  })
}

test('an answer that is none is a TypeError that names it', async () => {
  for (const [wrong, kind] of [[undefined, TypeError], [null, TypeError], ['maybe', RangeError], [7, TypeError], [{ reject: 1 }, TypeError]]) {
    const chat = await nexus.conversation({ onPermission: () => wrong })
    await assert.rejects(chat.prompt('Tool').finish(), (error) => error instanceof kind && /onPermission/.test(error.message), String(wrong))
    chat.close()
  }
  await idle()
})

test('a function is told when nobody wants its answer any more', async () => {
  let told
  const chat = await nexus.conversation({
    onPermission: (_, { signal }) => new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        told = true
        resolve('once')
      })
      told = false
    }),
  })
  const turn = chat.prompt('Tool')
  const reading = all(turn)
  await until(() => told === false, 'it was asked')
  await turn.abort()
  await reading
  await until(() => told === true, 'it was told')
})

test('a person who does not answer in time has said no', async () => {
  const chat = await nexus.conversation({ onPermission: () => new Promise(() => {}), answerWithin: 0.3 })
  const events = await all(chat.prompt('Tool'))
  assert.equal(tool(events).status, 'error')
})

test('questions are answered by a function', async () => {
  const asked = []
  const chat = await nexus.conversation({ onQuestion: (question) => (asked.push(question), 'blue') })
  const events = await all(chat.prompt('Ask'))
  assert.equal(events.at(-1).outcome.kind, 'completed')
  assert.deepEqual(asked[0].items[0].options.map((option) => option.label), ['red', 'blue'])
  const closed = events.find((event) => event.type === 'question_closed')
  assert.deepEqual(closed.answers, [['blue']])
  const lists = await nexus.conversation({ onQuestion: async () => [['red']] })
  assert.deepEqual((await all(lists.prompt('Ask'))).find((event) => event.type === 'question_closed').answers, [['red']])
})

test('a question is refused by null, and by a function that throws', async () => {
  const chat = await nexus.conversation({ onQuestion: () => null })
  const events = await all(chat.prompt('Ask'))
  assert.equal(events.find((event) => event.type === 'question_closed').answers, null)
  const broken = await nexus.conversation({ onQuestion: () => { throw new Error('who knows') } })
  await assert.rejects(broken.prompt('Ask').text(), /who knows/)
  await idle()
})

test('a request that is open already is answered as well', async () => {
  const one = await nexus.conversation()
  const turn = one.prompt('Tool')
  const reading = all(turn)
  await until(() => one.transcript().permissions.length === 1, 'it is asked')
  const two = await nexus.conversation({ session: one.sessionId, onPermission: () => 'once' })
  assert.equal(tool(await reading).status, 'completed')
  two.close()
})

test('a permission that is given for ever is not asked for again', async () => {
  let asked = 0
  const chat = await nexus.conversation({ onPermission: () => (asked++, 'always') })
  for (let time = 0; time < 2; time++) assert.equal(tool(await all(chat.prompt('Tool'))).status, 'completed')
  assert.equal(asked, 1)
})
