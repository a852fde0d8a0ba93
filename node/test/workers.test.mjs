// Worker threads: each has its own, and what a worker has begun ends with it.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Worker } from 'node:worker_threads'

import { Nexus } from 'opencode-nexus'
import { run } from './help/run.mjs'
import { startServer, until } from './help/server.mjs'

const server = await startServer()
const nexus = await Nexus.connect(server.url, { directory: server.directory })
test.after(() => nexus.close())
const idle = () => until(async () => (await nexus.running()).length === 0, 'nothing runs')

const FILE = new URL('./help/worker.mjs', import.meta.url)

function start(prompt) {
  const worker = new Worker(FILE, { workerData: { url: server.url, directory: server.directory, prompt } })
  const said = []
  worker.on('message', (message) => said.push(message))
  const ended = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  return { worker, said, ended }
}

test('a turn in a worker is a turn', async () => {
  const { said, ended } = start('Hello')
  assert.equal(await ended, 0)
  assert.deepEqual(said.at(-1), { answer: 'You said: Hello' })
})

test('many workers at once do not hear of each other', async () => {
  const workers = Array.from({ length: 8 }, (_, at) => start(`Number ${at}`))
  await Promise.all(workers.map(({ ended }) => ended))
  assert.deepEqual(workers.map(({ said }) => said.at(-1).answer), workers.map((_, at) => `You said: Number ${at}`))
})

test('a worker that is terminated during a turn stops it', async () => {
  const { worker, said, ended } = start('Hang')
  await until(() => said.some((message) => message.text?.startsWith('One')), 'the turn runs')
  await worker.terminate()
  assert.equal(await ended, 1)
  await idle()
  assert.equal(await (await nexus.conversation()).prompt('Hello').text(), 'You said: Hello')
})

test('workers that come and go during turns harm nobody', async () => {
  const program = `
    import { Worker } from 'node:worker_threads'
    const workerData = ${JSON.stringify({ url: server.url, directory: server.directory, prompt: 'Slow' })}
    for (let at = 0; at < 12; at++) {
      const worker = new Worker(${JSON.stringify(FILE.href)}.replace('file://', ''), { workerData })
      await new Promise((resolve) => at % 3 === 0 ? worker.once('online', resolve) : worker.once('message', resolve))
      await worker.terminate()
    }
    console.log('done')
  `
  const { code, said, complained } = await run(program, { milliseconds: 60_000 })
  assert.deepEqual([code, said], [0, 'done\n'], complained)
  await idle()
})

test('a server that a worker has started ends with the worker', async () => {
  const worker = new Worker(FILE, { workerData: { local: process.env.NEXUS_TEST_OPENCODE, directory: server.directory } })
  const { address } = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))
  const answers = () => fetch(`${address}global/health`).then((response) => response.status, () => 0)
  assert.ok((await answers()) > 0)
  await worker.terminate()
  await until(async () => (await answers()) === 0, 'the server is gone')
})
