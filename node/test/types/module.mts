// A strict program as an ECMAScript module. It is compiled and not run: a line below `@ts-expect-error` must be wrong.

import {
  AbortedError, Nexus, NexusError, NotFoundError, UserError, type ChatEvent, type Conversation, type ConversationOptions, type Message,
  type PermissionReply, type PromptOptions, type Session, type TurnOutcome,
} from 'opencode-nexus'

/** Each kind of event has its own fields, and all kinds are known. */
export function shown(event: ChatEvent): string {
  switch (event.type) {
    case 'text':
      return event.delta
    case 'text_replaced':
      return event.text
    case 'part':
      return event.part.body.type === 'tool' ? `${event.part.body.tool} ${event.part.body.status}` : event.part.id
    case 'permission_asked':
      return event.permission.patterns.join(' ')
    case 'question_asked':
      return event.question.items.map((item) => item.question).join(' ')
    case 'child':
      return shown(event.event)
    case 'turn_ended':
      return event.outcome.kind
    case 'status':
      return event.status.type === 'retry' ? event.status.message : event.status.type
    case 'session': case 'message': case 'queued': case 'withdrawn': case 'message_removed': case 'part_removed':
    case 'permission_closed': case 'question_closed': case 'todos': case 'diff': case 'error': case 'session_removed':
    case 'reconnecting': case 'recovered': case 'lagged': case 'other':
      return event.type
    default: {
      const never: never = event
      return never
    }
  }
}

export async function main(): Promise<void> {
  await using nexus = await Nexus.local({ directory: '.', start: true, keep: 'auto', onProgress: ({ step, total }) => void [step, total] })
  const options: ConversationOptions = {
    permissions: 'ask',
    rules: [{ action: 'bash', pattern: 'git *', decision: 'allow' }],
    onPermission: async (permission, { conversation, signal }): Promise<PermissionReply> => {
      const same: Conversation = conversation
      return signal.aborted || permission.action === same.sessionId ? 'reject' : { reject: 'no' }
    },
    onQuestion: (question) => question.items.map((item) => [item.options[0]?.label ?? '']),
    answerWithin: null,
  }
  await using chat = await nexus.conversation(options)
  const signal = new AbortController().signal
  const more: PromptOptions = { signal, model: 'p/m', deadline: 10, context: ['git-diff'] }
  const turn = chat.prompt(['Look', { type: 'file', path: 'a.rs', lines: [1, 2] }, { type: 'image', mime: 'image/png', data: new Uint8Array() }], more)
  for await (const event of turn) if (event.type === 'text') process.stdout.write(event.delta)
  const outcome: TurnOutcome = await turn.finish()
  const text: string = await chat.prompt('x').text()
  const messages: Message[] = chat.messages
  const sessions: Session[] = await nexus.sessions({ search: 'x', limit: 1 })
  const first = messages[0]?.parts[0]?.body
  if (first?.type === 'text') void first.text
  const listed = await nexus.api.sessionList()
  const id: string | undefined = listed[0]?.id
  const second = await nexus.api.v2.sessionList({}, { signal })
  for await (const event of nexus.events({ signal })) void [event.type.length, event.json.length, event.data]
  const found = await nexus.history.search({ text: 'x', hasError: true, order: 'newest' })
  void [outcome, text, sessions, id, second, found.messages[0]?.snippet]
  try {
    await nexus.messages('ses_1')
  } catch (error) {
    if (NexusError.is(error)) void [error.code, error.hint, error.retryable, error.retryAfter, error.operation, error.report]
    if (error instanceof NotFoundError) void (error satisfies UserError)
    throw new AbortedError({ code: 'user.aborted', message: 'x' })
  }
  // @ts-expect-error a number is no prompt
  chat.prompt(1)
  // @ts-expect-error a name that is not known
  chat.prompt('x', { modle: 'p/m' })
  // @ts-expect-error a word that is not known
  await nexus.conversation({ permissions: 'maybe' })
  // @ts-expect-error a permission is answered
  await nexus.conversation({ onPermission: () => {} })
  // @ts-expect-error what is made by Nexus alone
  new Nexus()
  // @ts-expect-error a text has no part
  shown({ type: 'text', part: null })
}
