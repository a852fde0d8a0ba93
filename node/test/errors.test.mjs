// What goes wrong is a class with a code, the same for modules of both kinds.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { test } from 'node:test'

import * as module from 'opencode-nexus'
import { AbortedError, InvalidInputError, Nexus, NexusError, NotFoundError, UnreachableError, UserError } from 'opencode-nexus'
import { startServer } from './help/server.mjs'

const common = createRequire(import.meta.url)('opencode-nexus')
const server = await startServer()
const nexus = await Nexus.connect(server.url, { directory: server.directory })
test.after(() => nexus.close())

test('modules of both kinds have the same things', () => {
  assert.deepEqual(Object.keys(module).filter((name) => name !== 'default' && name !== 'module.exports').sort(), Object.keys(common).sort())
  for (const name of Object.keys(common)) assert.equal(module[name], common[name], name)
  assert.equal(Object.keys(common).length, new Set(Object.values(common)).size)
  assert.ok(Object.keys(common).length > 45)
})

test('a session that does not exist is a NotFoundError', async () => {
  await assert.rejects(nexus.conversation({ session: 'ses_0000000000000000000000' }), (error) => {
    assert.ok(error instanceof NotFoundError && error instanceof UserError && error instanceof common.NexusError && error instanceof Error)
    assert.ok(NexusError.is(error) && !NexusError.is(new Error('x')) && !NexusError.is(null))
    assert.deepEqual([error.code, error.name, error.retryable, error.retryAfter], ['user.not_found', 'NotFoundError', false, null])
    assert.ok(error.message.includes('[user.not_found]') && !error.message.includes('\n'))
    assert.ok(error.report.includes('retry'))
    assert.ok(!Object.keys(error).includes('report'))
    return true
  })
})

test('a server that is not there is an UnreachableError that says what to do', async () => {
  const taken = createServer().listen(0)
  const { port } = taken.address()
  await new Promise((resolve) => taken.close(resolve))
  await assert.rejects(Nexus.connect(`http://127.0.0.1:${port}`), (error) => {
    assert.ok(error instanceof UnreachableError)
    assert.equal(error.retryable, true)
    assert.ok(error.hint)
    return true
  })
})

test('something else that listens is an error in bounded time', async () => {
  const other = createServer((_, response) => response.end('<html>')).listen(0)
  await assert.rejects(Nexus.connect(`http://127.0.0.1:${other.address().port}`), NexusError)
  other.close()
  other.closeAllConnections()
})

test('the stack of an error says where it was asked for', async () => {
  async function askedHere() {
    await nexus.messages('ses_0000000000000000000000')
  }
  await assert.rejects(askedHere(), (error) => /askedHere/.test(error.stack))
})

test('every code of the core has its class', () => {
  const codes = Object.entries(common.ERRORS)
  assert.equal(codes.length, 31)
  for (const [code, made] of codes) {
    const error = new made({ code, message: 'x', hint: 'do y', operation: 'z' })
    assert.equal(error.message, `z: x; do y [${code}]`)
    assert.equal(error.code, code)
    assert.equal(Object.prototype.toString.call(error), '[object Error]')
    const group = { user: common.UserError, system: common.SystemFailure, security: common.SecurityError, recovery: common.RecoveryError }
    assert.ok(error instanceof group[code.split('.')[0]])
  }
})

test('after closing everything is an AbortedError', async () => {
  const other = await Nexus.connect(server.url, { directory: server.directory })
  const chat = await other.conversation()
  const turn = chat.prompt('Hang')
  await turn.sent()
  const reading = assert.rejects(turn.finish(), AbortedError)
  await Promise.all([other.close(), other.close()])
  await reading
  await assert.rejects(other.sessions(), AbortedError)
  await assert.rejects(other.conversation(), AbortedError)
  await assert.rejects(other.api.globalHealth(), AbortedError)
  await assert.rejects(chat.prompt('x').finish(), AbortedError)
  await assert.rejects(chat.rename('x'), AbortedError)
  assert.throws(() => other.events(), AbortedError)
  assert.throws(() => other.server, AbortedError)
  assert.throws(() => chat.events(), AbortedError)
  await other.close()
})

test('a model that is no name is an InvalidInputError', async () => {
  const chat = await nexus.conversation()
  await assert.rejects(chat.prompt('x', { model: 'nothing' }).finish(), InvalidInputError)
})

test('a call that is given up is rejected with the reason of its signal', async () => {
  const hanging = createServer(() => {}).listen(0)
  const reason = new Error('enough')
  const controller = new AbortController()
  const opening = Nexus.connect(`http://127.0.0.1:${hanging.address().port}`, { signal: controller.signal })
  setTimeout(() => controller.abort(reason), 50)
  await assert.rejects(opening, (error) => error === reason)
  await assert.rejects(nexus.sessions({ signal: AbortSignal.abort(reason) }), (error) => error === reason)
  await assert.rejects(nexus.api.globalHealth({ signal: AbortSignal.abort(reason) }), (error) => error === reason)
  hanging.close()
  hanging.closeAllConnections()
})
