// The server's events in its own words, and its operations by their names.

import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'

import { InvalidInputError, Nexus, UnsupportedError } from 'opencode-nexus'
import { startServer, until } from './help/server.mjs'

const server = await startServer()
const nexus = await Nexus.connect(server.url, { directory: server.directory })
test.after(() => nexus.close())

test('what happens is told in the words of the server', async () => {
  const seen = []
  const events = nexus.events()
  const reading = (async () => {
    for await (const event of events) {
      seen.push(event)
      if (event.type === 'session.idle') break
    }
  })()
  await until(() => seen.length > 0, 'the connection stands')
  const chat = await nexus.conversation()
  await chat.prompt('Hello').finish()
  await reading
  assert.deepEqual([seen[0].type, seen[0].data], ['nexus.connected', { type: 'nexus.connected', properties: {} }])
  assert.ok(seen.length > 10)
  for (const event of seen) {
    assert.equal(event.data.type, event.type)
    assert.deepEqual(JSON.parse(event.json), event.data)
    assert.deepEqual(JSON.parse(JSON.stringify(event)), event.data)
  }
  assert.ok(seen.some((event) => event.type === 'message.part.updated'))
  assert.ok(seen.some((event) => event.json.includes('You said: Hello')))
  assert.deepEqual(await events.next(), { done: true, value: undefined })
})

/** A peer that says of itself that it is OpenCode, and whose events are written by the test. */
async function peer(t, write) {
  const http = createServer((request, response) => {
    if (request.url.startsWith('/global/health')) {
      response.setHeader('content-type', 'application/json').end('{"healthy":true,"version":"1.18.33"}')
    } else if (request.url.startsWith('/event')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.flushHeaders()
      write(response)
    } else response.writeHead(404).end()
  }).listen(0)
  const nexus = await Nexus.connect(`http://127.0.0.1:${http.address().port}`)
  const stop = async () => {
    await nexus.close()
    http.close()
    http.closeAllConnections()
  }
  t.after(stop)
  return { nexus, stop }
}

test('nothing is lost or told twice, whatever the size of the pieces', async (t) => {
  const total = 20_000
  const { nexus } = await peer(t, (response) => {
    let text = ''
    for (let at = 0; at < total; at++) text += `data: ${JSON.stringify({ id: `evt_${at}`, type: at % 3 ? 'message.part.delta' : `kind.${at % 7}`, properties: { at, text: 'é👩‍👩‍👧' } })}\n\n`
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += 10_007) response.write(bytes.subarray(at, at + 10_007))
  })
  let next = 0
  for await (const event of nexus.events()) {
    if (event.type.startsWith('nexus.')) continue
    assert.equal(event.type, next % 3 ? 'message.part.delta' : `kind.${next % 7}`)
    if (next % 997 === 0) assert.deepEqual(event.data.properties, { at: next, text: 'é👩‍👩‍👧' })
    if (++next === total) break
  }
  assert.equal(next, total)
})

test('odd events are events as well', async (t) => {
  const odd = ['{"no":"type"}', '{"type":"with \\"quotes\\""}', '{"type":7}', '{"properties":{"type":"inner"},"type":"outer"}']
  const { nexus } = await peer(t, (response) => response.write(odd.map((json) => `data: ${json}\r\n\r\n`).join('')))
  const seen = []
  for await (const event of nexus.events()) {
    if (event.type.startsWith('nexus.')) continue
    seen.push(event)
    if (seen.length === odd.length) break
  }
  assert.deepEqual(seen.map((event) => event.json), odd)
  assert.deepEqual([seen[1].type, seen[3].type], ['with "quotes"', 'outer'])
})

test('a connection that breaks is made again, and that is told', async (t) => {
  let connections = 0
  const { nexus } = await peer(t, (response) => {
    const mine = ++connections
    response.write(`data: {"type":"number","properties":{"mine":${mine}}}\n\n`)
    if (mine === 1) setTimeout(() => response.destroy(), 20)
  })
  const types = []
  for await (const event of nexus.events()) {
    types.push(event.type)
    if (types.filter((type) => type === 'number').length === 2) break
  }
  assert.deepEqual(types, ['nexus.connected', 'number', 'nexus.disconnected', 'nexus.connected', 'number'])
})

test('waiting for events ends with its signal, and with closing', async (t) => {
  const { nexus, stop } = await peer(t, () => {})
  const controller = new AbortController()
  const aborted = nexus.events({ signal: controller.signal })
  const reason = new Error('enough')
  const reading = assert.rejects(
    async () => {
      for await (const event of aborted) if (event.type === 'nexus.connected') controller.abort(reason)
    },
    (error) => error === reason,
  )
  await reading
  assert.deepEqual(await aborted.next(), { done: true, value: undefined })
  const closed = nexus.events()
  assert.equal((await closed.next()).value.type, 'nexus.connected')
  const waiting = [closed.next(), closed.next()]
  await closed.return()
  assert.deepEqual(await Promise.all(waiting), [{ done: true, value: undefined }, { done: true, value: undefined }])
  const left = nexus.events()
  const last = (async () => {
    const seen = []
    for await (const event of left) seen.push(event.type)
    return seen
  })()
  await stop()
  assert.ok((await last).every((type) => type.startsWith('nexus.')))
})

test('operations are called by their names, with what they take', async () => {
  const made = await nexus.api.sessionCreate({ title: 'By name' })
  assert.equal(made.title, 'By name')
  assert.deepEqual((await nexus.api.sessionGet({ sessionID: made.id })).id, made.id)
  assert.ok((await nexus.api.sessionList()).some((session) => session.id === made.id))
  assert.equal(await nexus.api.sessionDelete({ sessionID: made.id }), true)
  assert.equal((await nexus.api.globalHealth()).version, nexus.server.version)
})

test('an operation of the other line, and one with wrong arguments, say so', async () => {
  await assert.rejects(nexus.api.v2.sessionList({}), UnsupportedError)
  await assert.rejects(nexus.call('v1', 'no.such.operation'), InvalidInputError)
  await assert.rejects(nexus.call('v1', 'session.get', {}), (error) => error instanceof InvalidInputError && /sessionID/.test(error.message))
  await assert.rejects(nexus.call('v1', 'session.get', { sessionID: 'ses_1', other: 1 }), InvalidInputError)
})

test('a stream is read by the name of its operation', async () => {
  const seen = []
  const reading = (async () => {
    for await (const event of nexus.api.eventSubscribe()) {
      seen.push(event)
      if (event.type === 'session.idle') break
    }
  })()
  await until(() => seen.length > 0, 'the connection stands')
  await (await nexus.conversation()).prompt('Hello').finish()
  await reading
  assert.ok(seen.every((event) => typeof event.type === 'string'))
})

test('what a server offers is listed', async () => {
  assert.ok((await nexus.models()).providers.some((provider) => provider.id === 'scripted' && provider.usable))
  assert.ok((await nexus.agents()).some((agent) => agent.name === 'build'))
  const configuration = await nexus.configuration()
  assert.equal(typeof configuration.effective, 'object')
  assert.deepEqual(await nexus.running(), [])
  const { line, version, started, kept, capabilities } = nexus.server
  assert.deepEqual([line, version.startsWith('1.'), started, kept, capabilities.todos], ['v1', true, false, 'off', true])
  assert.equal(nexus.hasStarted, false)
})
