// quickstart.mjs [PROMPT]: asks an agent about the current folder and prints what it answers, while it answers.

import { Nexus } from 'opencode-nexus'

const nexus = await Nexus.local() // finds a server, or starts one
const chat = await nexus.conversation()
const turn = chat.prompt(process.argv[2] ?? 'What is in this folder?')
for await (const event of turn) {
  if (event.type === 'text' && event.messageId !== turn.messageId) process.stdout.write(event.delta)
}
console.log()
await nexus.close()
