// A strict program as a CommonJS module. It is compiled and not run.

import nexus = require('opencode-nexus')

export async function main(): Promise<string> {
  const opened: nexus.Nexus = await nexus.Nexus.connect('http://127.0.0.1:4096')
  const chat = await opened.conversation({ directory: '.' })
  const event: IteratorResult<nexus.ChatEvent, undefined> = await chat.prompt('x').next()
  if (!event.done && event.value.type === 'text') return event.value.delta
  const health: nexus.v1.GlobalHealthResponse = await opened.api.globalHealth()
  await opened.close()
  return health.version
}
