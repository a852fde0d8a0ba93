// Ends of all kinds: a process ends by itself when nothing is awaited, whatever is open; a turn that runs is stopped; no process is left.

import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Nexus } from 'opencode-nexus'
import { run } from './help/run.mjs'
import { isAlive, startServer, until } from './help/server.mjs'

const server = await startServer()
const nexus = await Nexus.connect(server.url, { directory: server.directory })
test.after(() => nexus.close())

const OPEN = `
import { Nexus } from 'opencode-nexus'
const nexus = await Nexus.connect(${JSON.stringify(server.url)}, { directory: ${JSON.stringify(server.directory)} })
const chat = await nexus.conversation({ onPermission: () => true })
`
const idle = () => until(async () => (await nexus.running()).length === 0, 'nothing runs')

test('a process ends by itself while everything is open and nothing is awaited', async () => {
  const { code, said, complained } = await run(`${OPEN}
    const events = nexus.events()
    await events.next()
    const feed = chat.events()
    await chat.prompt('Hello').text()
    console.log('done')
  `)
  assert.deepEqual([code, said, complained], [0, 'done\n', ''])
})

test('a process goes on while something is awaited', async () => {
  const { code, said } = await run(`${OPEN}
    const texts = await Promise.all(['Slow', 'Hello'].map(async (text) => (await nexus.conversation()).prompt(text).text()))
    console.log(texts[1])
  `)
  assert.deepEqual([code, said], [0, 'You said: Hello\n'])
})

test('a process that exits during a turn stops it', async () => {
  const { code, took } = await run(`${OPEN}
    for await (const event of chat.prompt('Hang')) if (event.type === 'text' && event.delta.startsWith('One')) process.exit(7)
  `)
  assert.equal(code, 7)
  assert.ok(took < 15_000)
  await idle()
})

test('a process that fails during a turn stops it', async () => {
  const { code, complained } = await run(`${OPEN}
    for await (const event of chat.prompt('Hang')) if (event.type === 'text' && event.delta.startsWith('One')) throw new Error('a bug')
  `)
  assert.equal(code, 1)
  assert.match(complained, /a bug/)
  await idle()
})

test('a turn that nobody reads is stopped at the end of the process', async () => {
  const { code } = await run(`${OPEN}
    await chat.prompt('Hang').sent()
  `)
  assert.equal(code, 0)
  await idle()
})

test('a prompt that is on its way when the process exits is stopped', async () => {
  for (let time = 0; time < 3; time++) {
    const { code } = await run(`${OPEN}
      chat.prompt('Hang')
      setTimeout(() => process.exit(5), ${time * 20})
    `)
    assert.equal(code, 5)
    await idle()
  }
})

test('a turn that is left before it was sent is stopped, and the process ends', async () => {
  const { code, said } = await run(`${OPEN}
    const controller = new AbortController()
    const aborted = chat.prompt('Hang', { signal: controller.signal })
    controller.abort()
    const left = (await nexus.conversation()).prompt('Hang')
    await left.return()
    console.log((await aborted.next().catch((error) => error)).name)
  `)
  assert.deepEqual([code, said], [0, 'AbortError\n'])
  await idle()
})

test('a package without a library for the platform says so', async () => {
  const { code, complained } = await run(`
    Object.defineProperty(process, 'platform', { value: 'plan9' })
    const { Nexus } = await import('opencode-nexus')
    await Nexus.local()
  `)
  assert.equal(code, 1)
  assert.match(complained, /no native library for plan9/)
})

const LOCAL = `
import { Nexus } from 'opencode-nexus'
const nexus = await Nexus.local({ binary: process.env.NEXUS_TEST_OPENCODE, directory: ${JSON.stringify(server.directory)} })
console.log(JSON.stringify({ started: nexus.server.started, address: nexus.server.address }))
`

/** Whether a server still answers at an address. */
const answers = (address) => fetch(`${address}global/health`).then(() => true, () => false)

for (const [name, rest, expected] of [
  ['is closed', 'await nexus.close(); console.log("closed")', { code: 0 }],
  ['is disposed of', '{ await using other = nexus; } console.log("closed")'.replace('await using other = nexus;', 'await nexus[Symbol.asyncDispose]();'), { code: 0 }],
  ['is left open', '', { code: 0 }],
  ['is left by process.exit', 'process.exit(3)', { code: 3 }],
  ['is left by an error', 'throw new Error("a bug")', { code: 1 }],
  ['is left by a turn that runs', 'const chat = await nexus.conversation(); await chat.prompt("x").sent(); process.exit(4)', { code: 4 }],
]) {
  test(`a server that was started ends when its Nexus ${name}`, async () => {
    const { code, said, complained } = await run(LOCAL + rest)
    assert.equal(code, expected.code, complained)
    const { started, address } = JSON.parse(said.split('\n')[0])
    assert.equal(started, true)
    await until(async () => !(await answers(address)), 'the server is gone')
  })
}

test('a server that was started ends when its process is killed', async () => {
  const { signal, said } = await run(`${LOCAL} await new Promise(() => setInterval(() => {}, 1000))`, { kill: { when: 'address', signal: 'SIGKILL' } })
  assert.equal(signal, 'SIGKILL')
  await until(async () => !(await answers(JSON.parse(said).address)), 'the server is gone')
})

test('no process that a test has started is left', async () => {
  assert.ok(isAlive(server.pid))
})

test('importing is quick', async () => {
  const { said } = await run(`
    const began = performance.now()
    await import('opencode-nexus')
    console.log(performance.now() - began)
  `)
  assert.ok(Number(said) < 1000, said)
})
