// Answers what the agent asks by the functions of the caller. What such a function throws denies the request, and whoever reads a turn of
// the conversation is told.

import type { ChatEvent } from './events.js'
import type { Permission, Question } from './model.js'
import { permissionReply, questionAnswers, type AskContext, type OnPermission, type OnQuestion } from './opening.js'

/** What a conversation does for it. */
interface Host {
  context(signal: AbortSignal): AskContext
  replyPermission(id: string, reply: ReturnType<typeof permissionReply>): Promise<boolean>
  answerQuestion(id: string, answers: string[][]): Promise<boolean>
  rejectQuestion(id: string): Promise<boolean>
  failed(error: unknown): void
}

/** @internal */
export class Asks {
  readonly #host: Host
  readonly #onPermission: OnPermission | undefined
  readonly #onQuestion: OnQuestion | undefined
  /** Those that are being answered. */
  readonly #open = new Map<string, AbortController>()

  constructor(host: Host, onPermission: OnPermission | undefined, onQuestion: OnQuestion | undefined) {
    this.#host = host
    this.#onPermission = onPermission
    this.#onQuestion = onQuestion
  }

  /** Hears of requests, those of sub-agents too. */
  hear(event: ChatEvent): void {
    switch (event.type) {
      case 'permission_asked':
        if (this.#onPermission) void this.#permission(event.permission, this.#onPermission)
        break
      case 'question_asked':
        if (this.#onQuestion) void this.#question(event.question, this.#onQuestion)
        break
      case 'permission_closed':
      case 'question_closed':
        this.#open.get(event.id)?.abort()
        this.#open.delete(event.id)
        break
      default:
    }
  }

  async #permission(permission: Permission, ask: OnPermission): Promise<void> {
    await this.#answer(
      permission.id,
      async (context) => permissionReply(await ask(permission, context), 'the reply of onPermission'),
      (reply) => this.#host.replyPermission(permission.id, reply),
      () => this.#host.replyPermission(permission.id, 'reject'),
    )
  }

  async #question(question: Question, ask: OnQuestion): Promise<void> {
    await this.#answer(
      question.id,
      async (context) => questionAnswers(await ask(question, context), 'the answer of onQuestion', question.items.length),
      (answers) => {
        if (answers === null) return this.#host.rejectQuestion(question.id)
        return this.#host.answerQuestion(question.id, answers)
      },
      () => this.#host.rejectQuestion(question.id),
    )
  }

  async #answer<T>(
    id: string,
    ask: (context: AskContext) => Promise<T>,
    send: (answer: T) => Promise<boolean>,
    deny: () => Promise<boolean>,
  ): Promise<void> {
    const controller = new AbortController()
    this.#open.set(id, controller)
    try {
      const answer = await ask(this.#host.context(controller.signal))
      // It is settled already: nobody wants to hear it.
      if (!controller.signal.aborted) await send(answer)
    } catch (error) {
      const wasOpen = !controller.signal.aborted
      this.#host.failed(error)
      // The turn is being stopped, which settles the request as well.
      if (wasOpen) await deny().catch(() => {})
    } finally {
      this.#open.delete(id)
    }
  }
}
