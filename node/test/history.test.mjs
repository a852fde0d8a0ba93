// The encrypted history: what passes through a Nexus that keeps is searched, read and carried elsewhere.

import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { ConfigurationError, InvalidInputError, Nexus, NotFoundError, WrongPassphraseError, accounts } from 'opencode-nexus'
import { startServer } from './help/server.mjs'

const data = mkdtempSync(join(tmpdir(), 'nexus-data-'))
process.env.NEXUS_DATA_DIR = data
const PASSPHRASE = 'made up for a test'
const server = await startServer()
const made = await accounts.create({ passphrase: PASSPHRASE })
const nexus = await Nexus.connect(server.url, { directory: server.directory, keep: 'on', passphrase: PASSPHRASE })
test.after(async () => {
  await nexus.close()
  rmSync(data, { recursive: true, force: true })
})

const chat = await nexus.conversation({ title: 'About the sea' })
await chat.prompt('Tell me of whales').finish()
await chat.flushHistory()

test('an account is made with its recovery key, and listed', async () => {
  assert.deepEqual([made.name, made.loggedIn, made.notRemembered], ['default', false, null])
  assert.ok(made.recoveryKey.length > 20)
  const [one] = await accounts.all()
  assert.deepEqual([one.name, one.current, one.loggedIn], ['default', true, false])
  await assert.rejects(accounts.create({}), TypeError)
  await assert.rejects(accounts.create(null), TypeError)
})

test('what was said is found, with its conversation', async () => {
  assert.equal(nexus.server.kept, 'on')
  const found = await nexus.history.search('whales')
  assert.deepEqual([found.messages.length, found.more], [2, false])
  const [hit] = found.messages
  assert.equal(hit.session.session.id, chat.sessionId)
  assert.ok(hit.snippet.pieces.some(([text, isHit]) => isHit && text === 'whales'))
  assert.equal((await nexus.history.search({ text: 'whales', role: 'user', order: 'newest', limit: 1 })).messages.length, 1)
  assert.equal((await nexus.history.search({ text: 'whales', since: Date.now() + 1000 })).messages.length, 0)
  const read = await nexus.history.conversation(chat.sessionId)
  assert.deepEqual(read.messages, chat.messages)
  assert.deepEqual((await nexus.history.sessions({ directory: server.directory })).map((stored) => stored.session.id), [chat.sessionId])
  assert.equal((await nexus.history.status()).usage.groups >= 1, true)
  assert.deepEqual((await nexus.history.check()).problems, [])
})

test('a history is opened without a server', async () => {
  const alone = await accounts.history({ passphrase: PASSPHRASE })
  assert.equal((await alone.search('whales')).messages.length, 2)
  await assert.rejects(alone.sync(), InvalidInputError)
  await assert.rejects(accounts.history({ passphrase: 'wrong' }), WrongPassphraseError)
  await assert.rejects(accounts.history({ name: 'nobody', passphrase: 'x' }), NotFoundError)
})

test('what is exported comes back', async () => {
  const file = join(data, 'export.jsonl')
  const exported = await nexus.history.export(file)
  assert.equal(exported.sessions, 1)
  const page = join(data, 'export.md')
  await nexus.history.export(page, { format: 'markdown', sessions: [chat.sessionId] })
  assert.match(readFileSync(page, 'utf8'), /whales/)
  assert.deepEqual((await nexus.history.delete(chat.sessionId)).sessions, [chat.sessionId])
  assert.equal((await nexus.history.search('whales')).messages.length, 0)
  assert.equal((await nexus.history.importFile(file, { dryRun: true })).sessions, 1)
  assert.equal((await nexus.history.importFile(file)).sessions, 1)
  assert.equal((await nexus.history.search('whales')).messages.length, 2)
  await assert.rejects(nexus.history.conversation('ses_nobody'), NotFoundError)
})

test('what happened elsewhere is fetched', async () => {
  const other = await Nexus.connect(server.url, { directory: server.directory })
  assert.throws(() => other.history, ConfigurationError)
  await (await other.conversation()).prompt('Tell me of dolphins').finish()
  await other.close()
  const report = await nexus.history.sync()
  assert.deepEqual(report.failed, [])
  assert.ok(report.changed >= 1)
  assert.equal((await nexus.history.search('dolphins')).messages.length, 2)
})

for (const [name, attempt, kind, named] of [
  ['a query that is a number', () => nexus.history.search(7), TypeError, 'query'],
  ['a query with an unknown name', () => nexus.history.search({ txt: 'x' }), TypeError, 'query.txt'],
  ['a query with a wrong order', () => nexus.history.search({ order: 'oldest' }), RangeError, 'query.order'],
  ['a limit that is text', () => nexus.history.search({ limit: '7' }), TypeError, 'query.limit'],
  ['sessions that are no list', () => nexus.history.delete(7), TypeError, 'sessions'],
  ['a file that is missing', () => nexus.history.export(), TypeError, 'file'],
  ['a format that is not known', () => nexus.history.export('x', { format: 'pdf' }), RangeError, 'options.format'],
]) {
  test(`${name} is a ${kind.name} that names ${named}`, async () => {
    await assert.rejects(attempt(), (error) => error.constructor === kind && error.message.includes(named))
  })
}
