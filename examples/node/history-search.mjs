// history-search.mjs [--ask PROMPT] WORDS...: finds words in what was ever said, without a server. With `--ask` something is said
// first, so that there is something to find. The account is opened by NEXUS_PASSPHRASE, or is logged in already.

import { Nexus, accounts } from 'opencode-nexus'

const passphrase = process.env.NEXUS_PASSPHRASE

/** Says something and keeps the answer. */
async function ask(prompt) {
  const nexus = await Nexus.local({ keep: 'on', passphrase })
  try {
    const chat = await nexus.conversation()
    await chat.prompt(prompt).finish()
    await chat.flushHistory()
  } finally {
    await nexus.close()
  }
}

let words = process.argv.slice(2)
if (words[0] === '--ask' && words.length > 1) {
  await ask(words[1])
  words = words.slice(2)
}
const history = await accounts.history({ passphrase })
const found = await history.search({ text: words.join(' '), limit: 10 })
for (const { session, snippet } of found.messages) {
  console.log(`${session.session.title}  ${snippet.pieces.map(([text]) => text).join('')}`)
}
console.log(`${found.messages.length} found${found.more ? ', and more' : ''}`)
process.exitCode = found.messages.length > 0 ? 0 : 1
