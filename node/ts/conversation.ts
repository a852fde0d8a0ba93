// One session, kept equal to the server's while it is open.

import { Asks } from './asks.js'
import * as check from './check.js'
import { AbortedError } from './errors.js'
import type { ChatEvent } from './events.js'
import { Feed } from './feed.js'
import type {
  FileDiff, Message, PermissionReply, Session, Status, Todo, Transcript,
} from './model.js'
import type { NativeConversation, NativeTurn } from './native.js'
import { permissionReply, type OnPermission, type OnQuestion } from './opening.js'
import { thisPort } from './port.js'
import type { Signal } from './signal.js'
import { deed, said, type ActOptions, type PromptInput, type PromptOptions } from './prompt.js'
import { Turn } from './turn.js'

/** What calls take that only ask. */
export interface AskOptions {
  /** Stops waiting; the promise is rejected with the signal's reason. */
  signal?: AbortSignal | undefined
}

/**
 * Who closes conversations that are still open.
 *
 * @internal
 */
export interface Owner {
  opened(conversation: Conversation): void
  closed(conversation: Conversation): void
}

/** One session with its sub-agents. Close it when you are done; it ends with its Nexus at the latest. */
export class Conversation {
  readonly #native: NativeConversation
  readonly #onPermission: OnPermission | undefined
  readonly #onQuestion: OnQuestion | undefined
  readonly #turns = new Set<Turn>()
  #listener: number | undefined
  readonly #owner: Owner
  #isClosed = false

  /** The session's identifier. */
  readonly sessionId: string
  /** The folder in which the agent works; `null` when it is the server's own. */
  readonly directory: string | null

  /** @internal */
  constructor(
    native: NativeConversation,
    onPermission: OnPermission | undefined,
    onQuestion: OnQuestion | undefined,
    owner: Owner,
  ) {
    this.#native = native
    this.#owner = owner
    this.#onPermission = onPermission
    this.#onQuestion = onQuestion
    this.sessionId = native.sessionId ?? ''
    this.directory = native.directory
    if (onPermission || onQuestion) this.#watch(onPermission, onQuestion)
    owner.opened(this)
  }

  #watch(onPermission: OnPermission | undefined, onQuestion: OnQuestion | undefined): void {
    const asks = new Asks(
      {
        context: (signal) => ({ conversation: this, signal }),
        replyPermission: (id, reply) => this.replyPermission(id, reply),
        answerQuestion: (id, answers) => this.answerQuestion(id, answers),
        rejectQuestion: (id) => this.rejectQuestion(id),
        failed: (error) => this.#failed(error),
      },
      onPermission,
      onQuestion,
    )
    this.#listener = thisPort().listen((_, json) => asks.hear(JSON.parse(json as string) as ChatEvent))
    this.#native.watch(this.#listener)
  }

  /** A function of the caller has thrown something. */
  #failed(error: unknown): void {
    if (this.#turns.size === 0) {
      const message = error instanceof Error ? error.message : String(error)
      process.emitWarning(`a request of ${this.sessionId} was denied: ${message}`, 'NexusWarning')
    }
    for (const turn of this.#turns) turn.fail(error)
  }

  /** Sends a prompt. The turn that is given back begins at once; read it, or wait for its end. */
  prompt(input: PromptInput, options?: PromptOptions): Turn {
    const { json, signal } = said(input, options)
    return this.#begin((number) => this.#native.say(number, json), signal)
  }

  /** Runs a slash command of the server, named without its slash. */
  command(name: string, args: string = '', options?: ActOptions): Turn {
    const what = { type: 'command', name: check.word(name, 'name'), arguments: check.text(args, 'args') }
    const { json, signal } = deed(what, options)
    return this.#begin((number) => this.#native.act(number, json), signal)
  }

  /** Runs a shell command, which the agent sees. */
  shell(command: string, options?: ActOptions): Turn {
    const { json, signal } = deed({ type: 'shell', command: check.word(command, 'command') }, options)
    return this.#begin((number) => this.#native.act(number, json), signal)
  }

  /** Makes the history of the session shorter. */
  summarize(options?: ActOptions): Turn {
    const { json, signal } = deed({ type: 'summarize' }, options)
    return this.#begin((number) => this.#native.act(number, json), signal)
  }

  #begin(begin: (number: number) => void, signal: Signal | undefined): Turn {
    const isDead = this.#isClosed || signal?.aborted
    const begun = isDead ? Promise.reject<NativeTurn>(closed()) : thisPort().begin<NativeTurn>(begin)
    begun.catch(() => {})
    const turn = new Turn(begun, signal, (turn) => this.#turns.delete(turn))
    if (!isDead) this.#turns.add(turn)
    return turn
  }

  /** What happens from now on, whoever causes it. */
  events(options?: AskOptions): Feed {
    const { signal } = check.options(options, 'options', ['signal'])
    const native = this.#isClosed ? null : this.#native.feed()
    if (!native) throw closed()
    return new Feed(native, check.optional(signal, 'options.signal', check.signal))
  }

  /** The conversation as it stands, without asking the server; that of a sub-agent by its session. */
  transcript(): Transcript
  transcript(child: string): Transcript | null
  transcript(child?: string): Transcript | null {
    const json = this.#native.transcript(check.optional(child, 'child', check.word) ?? null)
    if (json !== null) return JSON.parse(json) as Transcript
    if (this.#isClosed) throw closed()
    return null
  }

  /** The messages of a sub-agent's session as they stand; `null` when it is none of this conversation's. */
  childMessages(session: string): Message[] | null {
    return this.transcript(session)?.messages ?? null
  }

  /** The messages as they stand, in the server's order. */
  get messages(): Message[] {
    return this.transcript().messages
  }

  /**
   * The messages as they stand, as one JSON text whose names are the same in every language (`message_id`, not `messageId`): to store
   * them, and to compare what programs in different languages have.
   */
  messagesJson(): string {
    const json = this.#native.messagesJson()
    if (json === null) throw closed()
    return json
  }

  /** The session itself, once the server has told about it. */
  get session(): Session | null {
    return this.transcript().session
  }

  /** What the session is doing. */
  get status(): Status {
    return this.transcript().status
  }

  /** The sessions of this conversation: its own and those of its sub-agents. */
  get sessions(): string[] {
    return this.#native.sessions()
  }

  /** Answers a permission request. `false`: it is not open any more. */
  async replyPermission(id: string, reply: PermissionReply | boolean, options?: AskOptions): Promise<boolean> {
    const given = { id: check.word(id, 'id'), reply: permissionReply(reply, 'reply') }
    return this.#ask({ ask: 'replyPermission', ...given }, options)
  }

  /** Answers a question: the labels chosen, a list for each item. `false`: it is not open any more. */
  async answerQuestion(id: string, answers: readonly (readonly string[])[], options?: AskOptions): Promise<boolean> {
    const given = check.list(answers, 'answers', (one, name) => check.list(one, name, check.text))
    return this.#ask({ ask: 'answerQuestion', id: check.word(id, 'id'), answers: given }, options)
  }

  /** Refuses to answer a question. `false`: it is not open any more. */
  async rejectQuestion(id: string, options?: AskOptions): Promise<boolean> {
    return this.#ask({ ask: 'rejectQuestion', id: check.word(id, 'id') }, options)
  }

  /** Stops whatever runs in the session, whoever started it. */
  async abort(options?: AskOptions): Promise<void> {
    await this.#ask({ ask: 'abort' }, options)
  }

  /** All messages, read from the server now; the transcript needs no such call. */
  async readMessages(options?: AskOptions): Promise<Message[]> {
    return this.#ask({ ask: 'readMessages' }, options)
  }

  /** A new conversation with the messages up to `at`, or all of them. */
  async fork(at?: string, options?: AskOptions): Promise<Conversation> {
    const native = await this.#ask<NativeConversation>({ ask: 'fork', at: check.optional(at, 'at', check.word) }, options)
    return new Conversation(native, this.#onPermission, this.#onQuestion, this.#owner)
  }

  /** Takes a message and all after it back, with the changes to files that they made; on 1.x also from a part of it on. */
  async revert(message: string, part?: string, options?: AskOptions): Promise<Session> {
    const given = { message: check.word(message, 'message'), part: check.optional(part, 'part', check.word) }
    return this.#ask({ ask: 'revert', ...given }, options)
  }

  /** Undoes a revert, as long as nothing was said since. */
  async unrevert(options?: AskOptions): Promise<Session> {
    return this.#ask({ ask: 'unrevert' }, options)
  }

  /** Publishes the session; the address is in `shareUrl`. */
  async share(options?: AskOptions): Promise<Session> {
    return this.#ask({ ask: 'share' }, options)
  }

  /** Takes the publication back. */
  async unshare(options?: AskOptions): Promise<Session> {
    return this.#ask({ ask: 'unshare' }, options)
  }

  /** Gives the session a title. */
  async rename(title: string, options?: AskOptions): Promise<Session> {
    return this.#ask({ ask: 'rename', title: check.text(title, 'title') }, options)
  }

  /** Deletes the session for good, and closes the conversation. */
  async delete(options?: AskOptions): Promise<void> {
    await this.#ask({ ask: 'delete' }, options)
    this.close()
  }

  /** The files that the session, or one message of it, has changed. */
  async diff(message?: string, options?: AskOptions): Promise<FileDiff[]> {
    return this.#ask({ ask: 'diff', message: check.optional(message, 'message', check.word) }, options)
  }

  /** The agent's list of things to do, read from the server now. */
  async todos(options?: AskOptions): Promise<Todo[]> {
    return this.#ask({ ask: 'todos' }, options)
  }

  /** The sessions that this one's agents have started. */
  async children(options?: AskOptions): Promise<Session[]> {
    return this.#ask({ ask: 'children' }, options)
  }

  /** Waits until the history has everything that was told by now, at most so many seconds. */
  async flushHistory(within: number = 10, options?: AskOptions): Promise<void> {
    await this.#ask({ ask: 'flushHistory', within: check.seconds(within, 'within') }, options)
  }

  async #ask<T>(ask: object, given: unknown): Promise<T> {
    const { signal } = check.options(given, 'options', ['signal'])
    if (this.#isClosed) throw closed()
    const json = JSON.stringify(ask)
    return thisPort().ask<T>((number) => this.#native.ask(number, json), check.optional(signal, 'options.signal', check.signal))
  }

  /** Follows the session no longer. Turns that run are stopped. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    for (const turn of [...this.#turns]) turn.fail(closed())
    if (this.#listener !== undefined) thisPort().forget(this.#listener)
    this.#native.close()
    this.#owner.closed(this)
  }

  /** Closes it when `await using` leaves its block. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }
}

function closed(): AbortedError {
  return new AbortedError({ code: 'user.aborted', message: 'the conversation was closed', hint: 'open it anew' })
}
