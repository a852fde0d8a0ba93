// Real servers with a scripted model, as `nexus-test-server` starts them. They end with this process.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after } from 'node:test'

const PROGRAM = process.env.NEXUS_TEST_SERVER
if (!PROGRAM) throw new Error('NEXUS_TEST_SERVER names no program; run these tests by: cargo xtask node')

/** The behaviours that most tests want. */
export const USUAL = {
  conversations: [
    { match: '^Tool', turns: [[{ text: 'I look.' }, { tool: 'bash', args: { command: 'echo looked', description: 'Look' } }], [{ text: 'Done.' }]] },
    { match: '^Slow', turns: [[{ tokens: 4000, seed: 7 }]] },
    { match: '^Hang', turns: [[{ text: 'One moment' }, { hang: true }]] },
    { match: '^Think', turns: [[{ reasoning: 'Let me see.' }, { text: 'I have thought.' }]] },
    { match: '^Fail', turns: [[{ status: 400, body: '{"error":{"message":"no such thing"}}' }]] },
    {
      match: '^Ask',
      turns: [
        [{ tool: 'question', args: { questions: [{ question: 'Which colour?', header: 'Colour', options: [{ label: 'red', description: 'warm' }, { label: 'blue', description: 'cold' }] }] } }],
        [{ text: 'Thank you.' }],
      ],
    },
    { match: '', turns: [[{ text: 'You said: {{user}}' }]] },
  ],
  defaults: { tps: 0, chunk: 0 },
}

/** Starts a server, which ends after the tests of the file; `permission` is OpenCode's setting. */
export async function startServer({ behaviour = USUAL, permission, version } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-node-'))
  const file = join(folder, 'behaviour.json')
  writeFileSync(file, JSON.stringify(behaviour))
  const args = [file]
  if (permission) args.push('--permission', JSON.stringify(permission))
  if (version) args.push('--version', version)
  const child = spawn(PROGRAM, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${PROGRAM} ended with ${code} before it said anything`)))
  })
  const server = { ...JSON.parse(line), stop }
  async function stop() {
    child.stdin.end()
    await ended
    rmSync(folder, { recursive: true, force: true })
  }
  after(stop)
  return server
}

/** Waits until something holds, at most so long; it is asked for again and again. */
export async function until(holds, what, milliseconds = 20_000) {
  const end = Date.now() + milliseconds
  for (;;) {
    const value = await holds()
    if (value) return value
    if (Date.now() > end) throw new Error(`it did not come to pass: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}

/** All events of a turn or feed. */
export async function all(events) {
  const read = []
  for await (const event of events) read.push(event)
  return read
}

/** The texts of the parts as the events tell them, by part. */
export function texts(events) {
  const parts = new Map()
  for (const event of events) {
    if (event.type === 'text') parts.set(event.partId, (parts.get(event.partId) ?? '') + event.delta)
    if (event.type === 'text_replaced') parts.set(event.partId, event.text)
  }
  return parts
}

/** Whether a process is alive. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
