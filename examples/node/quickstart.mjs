// quickstart.mjs [PROMPT]: asks an agent about the current folder and prints what it answers, while it answers.

import { Nexus } from 'opencode-nexus'

const nexus = await Nexus.local() // finds a server, or starts one
const chat = await nexus.conversation()
for await (const event of chat.prompt(process.argv[2] ?? 'What is in this folder?')) {
  if (event.type === 'text') process.stdout.write(event.delta)
}
console.log()
await nexus.close()
