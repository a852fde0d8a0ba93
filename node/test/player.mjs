// Follows conversations for `cargo xtask faults --through node`: what a person saw, told to the one who breaks the network.
// One JSON document a line, both ways; tests/xtask/src/faults/through.rs is the other end and says what they mean.

import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { Nexus, NexusError } from 'opencode-nexus'

/** A person who wants to stop and sees nothing new for this long, stops. */
const PATIENCE = 3000

/** A person presses the key again when the connection failed. */
async function retried(act) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof NexusError) || !error.retryable || attempt === 20) throw error
      await sleep(50)
    }
  }
}

/** One turn of one session. */
class Story {
  constructor(asked, nexus, chat) {
    Object.assign(this, { asked, nexus, chat, texts: {}, events: 0, replaced: 0 })
  }

  static async open(asked) {
    const nexus = await Nexus.connect(asked.url, { directory: asked.directory })
    return new Story(asked, nexus, await nexus.conversation({ session: asked.session }))
  }

  async play() {
    const { stop_at: word } = this.asked
    const turn = this.chat.prompt(this.asked.prompt)
    const stop = () => retried(() => turn.abort())
    let timer
    let failed
    const heard = () => {
      clearTimeout(timer)
      if (word !== null) timer = setTimeout(() => stop().then(heard, (error) => (failed = error)), PATIENCE)
    }
    let outcome = null
    let said = ''
    try {
      heard()
      for await (const event of turn) {
        heard()
        this.events++
        const inner = event.type === 'child' ? event.event : event
        this.show(inner)
        if (inner.type === 'turn_ended') outcome = inner.outcome.kind
        else if (inner.type === 'text') {
          said += inner.delta
          if (word !== null && word !== '?' && said.includes(word)) {
            said = ''
            await stop()
          }
        } else if (inner.type === 'permission_asked' && word === '?') await stop()
        else if (inner.type === 'permission_asked') {
          await retried(() => this.chat.replyPermission(inner.permission.id, this.asked.permission))
        } else if (inner.type === 'question_asked' && this.asked.questions) {
          const answers = inner.question.items.map((item) => [item.options[0].label])
          await retried(() => this.chat.answerQuestion(inner.question.id, answers))
        } else if (inner.type === 'question_asked') await retried(() => this.chat.rejectQuestion(inner.question.id))
      }
    } finally {
      clearTimeout(timer)
    }
    if (failed) throw failed
    return outcome
  }

  show(event) {
    if (event.type === 'child') this.show(event.event)
    else if (event.type === 'text') this.texts[event.partId] = (this.texts[event.partId] ?? '') + event.delta
    else if (event.type === 'text_replaced') {
      this.replaced++
      this.texts[event.partId] = event.text
    } else if (event.type === 'part_removed') delete this.texts[event.partId]
  }

  /** What the person has typed is on the screen as well. */
  typed() {
    for (const message of this.messages().filter(({ role }) => role === 'user')) {
      for (const part of message.parts.filter(({ body }) => body.type === 'text')) this.texts[part.id] = part.body.text
    }
  }

  messages() {
    return JSON.parse(this.chat.messagesJson())
  }

  close() {
    return this.nexus.close()
  }
}

let story

async function answered(asked) {
  if (asked.again) return { messages: story.messages() }
  if (asked.done) {
    await story.close()
    return {}
  }
  story = await Story.open(asked)
  const outcome = await story.play()
  story.typed()
  const { texts, events, replaced } = story
  return { outcome, texts, events, replaced, messages: story.messages() }
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer
  try {
    answer = await answered(JSON.parse(line))
  } catch (error) {
    if (!(error instanceof NexusError)) throw error
    answer = { error: `${error.code}: ${error.message}` }
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}
