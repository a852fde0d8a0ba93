// Programs of a few lines that run in a process of their own.

import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Runs a text as a program beside the tests, so that it finds the package; gives its exit code, its output, and how long it took. */
export async function run(text, { env = {}, kill, milliseconds = 30_000, ending = 'mjs' } = {}) {
  const folder = mkdtempSync(join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, 'run-'))
  const file = join(folder, `program.${ending}`)
  writeFileSync(file, text)
  const began = Date.now()
  const child = spawn(process.execPath, [file], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let complained = ''
  child.stdout.setEncoding('utf8').on('data', (data) => {
    said += data
    if (kill && said.includes(kill.when)) child.kill(kill.signal)
  })
  child.stderr.setEncoding('utf8').on('data', (data) => (complained += data))
  const timer = setTimeout(() => child.kill('SIGKILL'), milliseconds)
  const [code, signal] = await new Promise((resolve) => child.once('close', (...how) => resolve(how)))
  clearTimeout(timer)
  rmSync(folder, { recursive: true, force: true })
  return { code, signal, said, complained, took: Date.now() - began }
}
