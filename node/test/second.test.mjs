// OpenCode 2 gives the same conversations.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Nexus, UnauthorizedError, UnsupportedError } from 'opencode-nexus'
import { all, startServer, texts } from './help/server.mjs'

const server = await startServer({ version: process.env.NEXUS_TEST_SECOND })
const nexus = await Nexus.connect(server.url, { directory: server.directory })
test.after(() => nexus.close())

test('a turn tells what the server has, and its operations have their names', async () => {
  assert.equal(nexus.server.line, 'v2')
  const chat = await nexus.conversation({ title: 'Second' })
  const events = await all(chat.prompt('Tool'))
  assert.equal(events.at(-1).outcome.kind, 'completed')
  assert.ok([...texts(events).values()].includes('Done.'))
  const shown = (messages) => messages.map((message) => [message.id, message.role, message.parts.map((part) => [part.id, part.body])])
  assert.deepEqual(shown(chat.messages), shown(await chat.readMessages()))
  assert.equal(await chat.prompt('Hello').text(), 'You said: Hello')
  assert.ok(JSON.stringify(await nexus.api.v2.sessionList({})).includes(chat.sessionId))
  await assert.rejects(nexus.api.sessionList(), UnsupportedError)
  await assert.rejects(chat.share(), UnsupportedError)
})

test('a wrong password is an UnauthorizedError', async () => {
  const url = new URL(server.url)
  url.username = 'opencode'
  url.password = 'wrong'
  await assert.rejects(Nexus.connect(url, { directory: server.directory }), UnauthorizedError)
})
