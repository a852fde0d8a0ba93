// What the tests of worker threads run in one: a prompt, or a server of its own.

import { parentPort, workerData } from 'node:worker_threads'

import { Nexus } from 'opencode-nexus'

const { url, directory, prompt, local } = workerData
if (local) {
  const nexus = await Nexus.local({ binary: local, directory })
  parentPort.postMessage({ address: nexus.server.address })
  await new Promise(() => setInterval(() => {}, 1000))
}
const nexus = await Nexus.connect(url, { directory })
const chat = await nexus.conversation()
const turn = chat.prompt(prompt)
for await (const event of turn) if (event.type === 'text') parentPort.postMessage({ text: event.delta })
parentPort.postMessage({ answer: turn.answer })
