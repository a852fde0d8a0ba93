// Context that a program gives: what is named goes along with the prompt.

import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { InvalidInputError, Nexus } from 'opencode-nexus'
import { startServer } from './help/server.mjs'

const server = await startServer()
const asked = []
const nexus = await Nexus.connect(server.url, {
  directory: server.directory,
  providers: [
    { name: 'tickets', summary: 'Tickets', argument: 'number', needsArgument: true, async provide(argument, scope) {
      asked.push([argument, scope.directory])
      return [{ text: `Ticket ${argument}: the door creaks`, title: `ticket ${argument}`, trust: 'project' }]
    } },
    { name: 'weather', provide: () => 'It rains.' },
    { name: 'broken', provide() { throw new Error('the line is down') } },
    { name: 'wrong', provide: () => 7 },
    { name: 'file-of-mine', provide: (_, { directory }) => ({ type: 'file', path: join(directory, 'mine.txt'), lines: [1, 1] }) },
  ],
})
test.after(() => nexus.close())

/** What went along with a prompt, as text. */
async function sent(context) {
  const chat = await nexus.conversation()
  const turn = chat.prompt('Look at this', { context })
  await turn.finish()
  const prompt = (await chat.readMessages()).find((message) => message.id === turn.messageId)
  chat.close()
  return prompt.parts.map((part) => part.body.text ?? part.body.url).join('\n')
}

test('a provider is called with what stands behind the colon', async () => {
  const text = await sent(['tickets:42', 'weather'])
  assert.match(text, /Ticket 42: the door creaks/)
  assert.match(text, /It rains\./)
  assert.deepEqual(asked, [['42', server.directory]])
})

test('a provider gives a file that the server reads', async () => {
  writeFileSync(join(server.directory, 'mine.txt'), 'one line\nanother line\n')
  assert.match(await sent(['file-of-mine']), /mine\.txt/)
})

test('the providers that are always there are named as well', async () => {
  writeFileSync(join(server.directory, 'other.txt'), 'contents of the other\n')
  assert.match(await sent(['other.txt']), /other\.txt/)
})

test('what a provider throws is an error of the prompt, and so is what it cannot mean', async () => {
  for (const [name, said] of [['broken', /the line is down/], ['wrong', /context/], ['nothing-of-this-name.txt', /cannot go along/]]) {
    await assert.rejects(sent([name]), (error) => error instanceof InvalidInputError && said.test(error.message), name)
  }
})

test('a provider comes and goes while the Nexus is open', async () => {
  await assert.rejects(sent(['later:x']))
  nexus.provide({ name: 'later', argument: 'word', provide: (argument) => `It is later: ${argument}` })
  assert.match(await sent(['later:x']), /It is later: x/)
  nexus.provide({ name: 'later', argument: 'word', provide: () => 'It is later still' })
  assert.match(await sent(['later:x']), /It is later still/)
  nexus.withdraw('later')
  await assert.rejects(sent(['later:x']))
  assert.throws(() => nexus.provide({ name: 'x' }), TypeError)
})
