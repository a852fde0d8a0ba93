// Prompts and their turns: what is streamed is what the server has, and a turn that nobody wants any more is stopped.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { AbortedError, NexusError, Nexus, ProviderError, TimedOutError } from 'opencode-nexus'
import { all, startServer, texts, until } from './help/server.mjs'

const server = await startServer()
const nexus = await Nexus.connect(server.url, { directory: server.directory })
const idle = () => until(async () => (await nexus.running()).length === 0, 'nothing runs')

test.after(() => nexus.close())

test('what a turn tells is what the server has', async () => {
  const chat = await nexus.conversation({ title: 'A title' })
  for (const prompt of ['Hello', 'Tool', 'Think', 'Slow']) {
    const turn = chat.prompt(prompt)
    const events = await all(turn)
    assert.equal(events.at(-1).type, 'turn_ended')
    assert.equal(events.at(-1).outcome.kind, 'completed')
    assert.equal(turn.outcome.kind, 'completed')
    const has = await chat.readMessages()
    const told = texts(events)
    const mine = has.filter((message) => message.parentId === turn.messageId)
    const parts = mine.flatMap((message) => message.parts).filter((part) => 'text' in part.body && part.body.text !== '')
    assert.ok(parts.length >= 1, prompt)
    for (const part of parts) assert.equal(told.get(part.id), part.body.text, prompt)
    assert.equal(told.size, parts.length)
    assert.deepEqual(chat.messages, has)
  }
  assert.equal(chat.session.id, chat.sessionId)
  assert.deepEqual(chat.status, { type: 'idle' })
})

test('the answer is the text of the agent alone', async () => {
  const chat = await nexus.conversation()
  assert.equal(await chat.prompt('Hello').text(), 'You said: Hello')
  assert.equal(await chat.prompt('Think').text(), 'I have thought.')
  assert.equal(await chat.prompt('Tool').text(), 'I look.Done.')
})

test('a turn is read once, and its end can be waited for afterwards', async () => {
  const chat = await nexus.conversation()
  const turn = chat.prompt('Hello')
  const first = await all(turn)
  assert.ok(first.length > 3)
  assert.deepEqual(await all(turn), [])
  assert.equal((await turn.finish()).kind, 'completed')
  assert.equal(await turn.text(), 'You said: Hello')
})

test('several readers of one turn share its events', async () => {
  const chat = await nexus.conversation()
  const turn = chat.prompt('Tool')
  const [one, two] = await Promise.all([all(turn), all(turn)])
  const both = [...one, ...two].map((event) => JSON.stringify(event))
  assert.equal(both.filter((event) => event.includes('"turn_ended"')).length, 1)
  assert.equal(texts([...one, ...two]).size, 2)
})

test('leaving the loop stops the agent', async () => {
  const chat = await nexus.conversation()
  const turn = chat.prompt('Hang')
  for await (const event of turn) if (event.type === 'text' && event.delta.startsWith('One')) break
  await idle()
  assert.deepEqual(await all(turn), [])
  await assert.rejects(turn.finish(), AbortedError)
  assert.equal(await chat.prompt('Hello').text(), 'You said: Hello')
})

test('an aborted turn goes on to its end, which says so', async () => {
  const chat = await nexus.conversation()
  const turn = chat.prompt('Hang')
  const events = []
  for await (const event of turn) {
    events.push(event)
    if (event.type === 'text' && event.delta.startsWith('One')) await turn.abort()
  }
  assert.equal(events.at(-1).outcome.kind, 'aborted')
  await assert.rejects(turn.text(), AbortedError)
  await idle()
})

test('a signal that is aborted before sends nothing', async () => {
  const chat = await nexus.conversation()
  const reason = new Error('not today')
  const turn = chat.prompt('Hello', { signal: AbortSignal.abort(reason) })
  await assert.rejects(turn.next(), (error) => error === reason)
  await assert.rejects(turn.finish(), (error) => error === reason)
  assert.deepEqual(await chat.readMessages(), [])
})

test('a signal that is aborted during a turn stops the agent, and its reason is thrown', async () => {
  const chat = await nexus.conversation()
  const controller = new AbortController()
  const turn = chat.prompt('Hang', { signal: controller.signal })
  const reading = assert.rejects(all(turn), (error) => error.name === 'AbortError' && error instanceof DOMException)
  await until(() => chat.status.type === 'busy', 'the turn runs')
  controller.abort()
  await reading
  await idle()
  assert.deepEqual(await all(turn), [], 'it is thrown once')
})

test('a signal that times out is a reason like any other', async () => {
  const chat = await nexus.conversation()
  await assert.rejects(chat.prompt('Hang', { signal: AbortSignal.timeout(300) }).text(), { name: 'TimeoutError' })
  await idle()
})

test('a deadline ends the turn with an error', async () => {
  const chat = await nexus.conversation()
  await assert.rejects(chat.prompt('Hang', { deadline: 0.5 }).finish(), (error) => {
    assert.ok(error instanceof TimedOutError && NexusError.is(error), String(error))
    assert.equal(error.code, 'system.timeout')
    return true
  })
  await idle()
})

test('a turn that is detached goes on', async () => {
  const chat = await nexus.conversation()
  const turn = chat.prompt('Slow')
  await turn.sent()
  await turn.detach()
  await until(async () => (await chat.readMessages()).at(-1)?.finish === 'stop', 'the answer is complete')
})

test('a turn that fails at the provider says why', async () => {
  const chat = await nexus.conversation()
  const outcome = await chat.prompt('Fail').finish()
  assert.equal(outcome.kind, 'failed')
  assert.match(outcome.error.message, /no such thing/)
  await assert.rejects(chat.prompt('Fail').text(), ProviderError)
})

test('a hundred conversations at once are a hundred answers', async () => {
  const controller = new AbortController()
  const answers = await Promise.all(
    Array.from({ length: 100 }, async (_, at) => {
      const chat = await nexus.conversation()
      const answer = await chat.prompt(`Number ${at}`, { signal: controller.signal }).text()
      chat.close()
      return answer
    }),
  )
  assert.deepEqual(answers, Array.from({ length: 100 }, (_, at) => `You said: Number ${at}`))
})

test('the feed of a conversation tells what others do', async () => {
  const one = await nexus.conversation()
  const two = await nexus.conversation({ session: one.sessionId })
  const feed = two.events()
  const reading = (async () => {
    const events = []
    for await (const event of feed) {
      events.push(event)
      if (event.type === 'status' && event.status.type === 'idle') break
    }
    return events
  })()
  assert.equal(await one.prompt('Hello').text(), 'You said: Hello')
  assert.ok([...texts(await reading).values()].includes('You said: Hello'))
  two.close()
  assert.throws(() => two.messages, AbortedError)
  assert.deepEqual(one.messages, await one.readMessages())
})

test('pieces of a prompt arrive at the model', async () => {
  const chat = await nexus.conversation()
  const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=', 'base64')
  const turn = chat.prompt(['Look at', { type: 'text', text: 'this' }, { type: 'image', mime: 'image/png', data: png, filename: 'dot.png' }])
  await turn.finish()
  const [asked] = await chat.readMessages()
  assert.deepEqual(asked.parts.filter((part) => part.body.type === 'text' && !part.body.synthetic).map((part) => part.body.text), ['Look at', 'this'])
  assert.ok(asked.parts.some((part) => part.body.type === 'file' && part.body.mime === 'image/png'))
})

test('a session is renamed, forked, taken back and deleted', async () => {
  const chat = await nexus.conversation()
  assert.equal((await chat.rename('Another title')).title, 'Another title')
  const turn = chat.prompt('Hello')
  await turn.finish()
  const fork = await chat.fork()
  assert.notEqual(fork.sessionId, chat.sessionId)
  assert.equal(fork.messages.length, chat.messages.length)
  assert.equal((await chat.revert(turn.messageId)).revert.messageId, turn.messageId)
  assert.equal((await chat.unrevert()).revert, null)
  assert.deepEqual(await chat.todos(), [])
  assert.deepEqual(await chat.diff(), [])
  assert.deepEqual(await chat.children(), [])
  const listed = await nexus.sessions({ search: 'Another title' })
  assert.ok(listed.some((session) => session.id === chat.sessionId))
  await chat.delete()
  assert.ok(!(await nexus.sessions()).some((session) => session.id === chat.sessionId))
})

test('shell commands and commands of the server are turns', async () => {
  const chat = await nexus.conversation()
  const events = await all(chat.shell('echo from the shell'))
  assert.equal(events.at(-1).type, 'turn_ended')
  assert.ok(JSON.stringify(await chat.readMessages()).includes('from the shell'))
  assert.ok((await nexus.commands()).some((command) => command.name === 'init'))
})
