// Each example runs against a real server with a scripted model, as a person would run it.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'

import { accounts } from 'opencode-nexus'
import { startServer } from './help/server.mjs'

const server = await startServer({
  behaviour: {
    conversations: [
      { match: '^List', turns: [[{ tool: 'bash', args: { command: 'ls', description: 'List' } }], [{ text: 'One file.' }]] },
      { match: '^Remove', turns: [[{ tool: 'bash', args: { command: 'rm hello.txt', description: 'Remove' } }], [{ text: 'Then not.' }]] },
      { match: '^Review', turns: [[{ text: 'high src/lib.rs:3 a key stands in the code\nlow README.md:1 a | typing mistake' }]] },
      { match: '', turns: [[{ text: 'Echo: {{user}}' }]] },
    ],
  },
  permission: { bash: 'ask', edit: 'ask' },
})

// Beside the tests, so that they find the package.
const here = fileURLToPath(new URL('.', import.meta.url))
const examples = mkdtempSync(join(here, 'run-'))
cpSync(join(here, '../../examples/node'), examples, { recursive: true })
test.after(() => rmSync(examples, { recursive: true, force: true }))

/** Runs one in the project; gives what it printed. */
async function play(name, args, { status = 0, said = '', env = {} } = {}) {
  const child = spawn(process.execPath, [join(examples, name), ...args], {
    cwd: server.directory,
    env: { ...process.env, NEXUS_URL: server.url, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  child.stdin.end(said)
  let printed = ''
  let complained = ''
  child.stdout.setEncoding('utf8').on('data', (data) => (printed += data))
  child.stderr.setEncoding('utf8').on('data', (data) => (complained += data))
  const code = await new Promise((resolve) => child.once('close', resolve))
  assert.equal(code, status, `${printed}\n${complained}`)
  return printed
}

test('a first prompt is answered', async () => {
  assert.equal(await play('quickstart.mjs', ['Hello']), 'Echo: Hello\n')
  assert.equal(await play('quickstart.cjs', ['Hello']), 'Echo: Hello\n')
})

test('looking is allowed and removing is not', async () => {
  writeFileSync(join(server.directory, 'hello.txt'), 'hello\n')
  const looked = await play('permissions.mjs', ['List the files'])
  assert.match(looked, /\[bash ls: allowed once\]/)
  assert.match(looked, /One file\./)
  const removed = await play('permissions.mjs', ['Remove hello.txt'])
  assert.match(removed, /\[bash rm hello\.txt: refused\]/)
  assert.match(removed, /Then not\./)
  assert.ok(existsSync(join(server.directory, 'hello.txt')))
})

test('many files are asked about and each has its answer', async () => {
  const names = Array.from({ length: 9 }, (_, at) => `file-${at}.txt`)
  for (const name of names) writeFileSync(join(server.directory, name), name)
  const printed = await play('batch.mjs', names)
  for (const name of names) assert.ok(printed.includes(`${name}: Echo: Say in one sentence what ${name} is for.`), printed)
  await play('batch.mjs', [], { status: 2 })
})

test('a review names its findings and fails when one is severe', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-review-'))
  const report = join(folder, 'report.md')
  assert.match(await play('review-bot.mjs', ['-', report], { status: 1, said: '+let key = "made-up";\n' }), /2 findings/)
  assert.equal(
    readFileSync(report, 'utf8'),
    '# Review\n\n| severity | place | finding |\n|---|---|---|\n' +
      '| high | `src/lib.rs:3` | a key stands in the code |\n| low | `README.md:1` | a \\| typing mistake |\n',
  )
  rmSync(folder, { recursive: true })
  await play('review-bot.mjs', [], { status: 2 })
})

test('what was said is found without a server', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-data-'))
  process.env.NEXUS_DATA_DIR = folder
  await accounts.create({ passphrase: 'made up' })
  const env = { NEXUS_DATA_DIR: folder, NEXUS_PASSPHRASE: 'made up' }
  assert.match(await play('history-search.mjs', ['--ask', 'Where is the hippopotamus?', 'hippopotamus'], { env }), /hippopotamus/)
  const alone = { ...env, NEXUS_URL: 'http://127.0.0.1:1' }
  assert.match(await play('history-search.mjs', ['hippo*'], { env: alone }), /2 found/)
  await play('history-search.mjs', ['rhinoceros'], { env: alone, status: 1 })
  delete process.env.NEXUS_DATA_DIR
  rmSync(folder, { recursive: true, force: true })
})
