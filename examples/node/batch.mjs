// batch.mjs FILE...: asks about many files, at most four at a time, with a bar that shows how far it is; then prints each answer.

import { Nexus } from 'opencode-nexus'

const AT_ONCE = 4
const WIDTH = 30

/** One sentence about a file. Nobody sits in front of it, so everything that the agent asks for is refused. */
async function summary(nexus, file) {
  const chat = await nexus.conversation({ title: file, permissions: 'deny', questions: 'deny' })
  try {
    return await chat.prompt([`Say in one sentence what ${file} is for.`, { type: 'file', path: file }]).text()
  } finally {
    chat.close()
  }
}

const files = process.argv.slice(2)
if (files.length === 0) {
  console.error('there is no file to ask about; name some: batch.mjs src/*.js')
  process.exit(2)
}

const nexus = await Nexus.local()
const answers = new Array(files.length)
let [next, done, failed] = [0, 0, 0]

async function worker() {
  while (next < files.length) {
    const at = next++
    try {
      answers[at] = await summary(nexus, files[at])
    } catch (error) {
      failed++
      answers[at] = `failed: ${error.message}`
    }
    const filled = Math.floor((WIDTH * ++done) / files.length)
    process.stderr.write(`\r[${'█'.repeat(filled)}${' '.repeat(WIDTH - filled)}] ${done}/${files.length}`)
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, worker))
await nexus.close()
process.stderr.write('\n')
files.forEach((file, at) => console.log(`${file}: ${answers[at]}`))
process.exitCode = failed > 0 ? 1 : 0
