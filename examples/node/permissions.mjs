// permissions.mjs [PROMPT]: shows the tools that an agent uses, and decides what it may do: commands that only look are allowed,
// everything else is refused with a reason.

import { Nexus } from 'opencode-nexus'

// Commands that change nothing.
const HARMLESS = ['ls', 'cat ', 'git status', 'git log', 'git diff']

function decide(permission) {
  const harmless = permission.patterns.every((pattern) => HARMLESS.some((start) => pattern.startsWith(start)))
  console.log(`\n[${permission.action} ${permission.patterns.join(', ')}: ${harmless ? 'allowed once' : 'refused'}]`)
  return harmless ? 'once' : { reject: 'only look, change nothing' }
}

const nexus = await Nexus.local()
try {
  const chat = await nexus.conversation({ onPermission: decide })
  const turn = chat.prompt(process.argv[2] ?? 'List the files of this folder.')
  for await (const event of turn) {
    switch (event.type) {
      case 'text':
        if (event.kind === 'text') process.stdout.write(event.delta)
        break
      case 'part':
        if (event.part.body.type === 'tool') console.log(`[${event.part.body.tool} ${event.part.body.status}]`)
        break
      case 'turn_ended':
        console.log(`\n${event.outcome.kind}`)
        break
    }
  }
} finally {
  await nexus.close()
}
