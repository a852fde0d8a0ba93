// One turn: what happens from the prompt to the end.

import { AbortedError, ProviderError } from './errors.js'
import type { ChatEvent } from './events.js'
import type { TurnOutcome } from './model.js'
import type { NativeTurn } from './native.js'
import { thisPort } from './port.js'
import type { Signal } from './signal.js'
import { Reader } from './reader.js'

/**
 * A running turn: an async iterable of chat events that ends after `turn_ended`, or throws when the end cannot be learned.
 *
 * Leaving the loop early stops the agent; to let a turn go on without watching it, {@link detach} it. A turn that failed on the server
 * is no error here: see `outcome.kind`.
 */
export class Turn extends Reader {
  readonly #begun: Promise<NativeTurn>
  readonly #forget: (turn: Turn) => void
  #native: NativeTurn | undefined
  #outcome: TurnOutcome | undefined
  #messageId: string | undefined
  #isDetached = false

  /** @internal */
  constructor(begun: Promise<NativeTurn>, signal: Signal | undefined, forget: (turn: Turn) => void) {
    super(signal)
    this.#forget = forget
    this.#begun = begun
    // Whoever reads is told; nobody need read.
    begun.then(
      (native) => {
        this.#native = native
        this.#messageId = native.messageId
      },
      () => forget(this),
    )
  }

  /** The prompt's message; `undefined` until it was sent. */
  get messageId(): string | undefined {
    return this.#messageId
  }

  /** How it ended; `undefined` until it was read to its end. */
  get outcome(): TurnOutcome | undefined {
    return this.#outcome
  }

  /** Waits until the prompt was sent; throws when it could not be. */
  async sent(): Promise<this> {
    if (this.failure) throw this.failure.error
    const port = thisPort()
    port.hold()
    try {
      await this.#begun
    } finally {
      port.release()
    }
    return this
  }

  /**
   * Waits for the end, letting all events go.
   *
   * @throws NexusError when the end cannot be learned: the server is gone for too long, the deadline has passed; the reason of the signal
   */
  async finish(): Promise<TurnOutcome> {
    while (!(await this.next()).done);
    if (this.#outcome) return this.#outcome
    if (this.failure) throw this.failure.error
    throw new AbortedError({ code: 'user.aborted', message: 'the turn was left before its end' })
  }

  /**
   * Waits for the end and gives the answer: the text of the agent's messages, joined.
   *
   * @throws NexusError as {@link finish} does; also when the turn failed or was stopped
   */
  async text(): Promise<string> {
    const outcome = await this.finish()
    if (outcome.kind === 'aborted') {
      throw new AbortedError({ code: 'user.aborted', message: outcome.error?.message ?? 'the turn was stopped' })
    }
    if (outcome.kind === 'failed') {
      const message = outcome.error ? `${outcome.error.name}: ${outcome.error.message}` : 'the turn failed'
      throw new ProviderError({ code: 'system.provider', message })
    }
    return this.answer
  }

  /** What the agent has answered by now; see {@link text}. */
  get answer(): string {
    return this.#native?.answer ?? ''
  }

  /**
   * Asks the server to stop. The events go on to the end: the agent's last words still come.
   *
   * @throws NexusError when the server cannot be reached; the turn then goes on
   */
  async abort(): Promise<void> {
    const port = thisPort()
    const native = await this.sent().then(() => this.#begun)
    await port.call<void>((number) => native.stop(number))
  }

  /** Lets the turn go on without being watched. */
  async detach(): Promise<void> {
    this.#isDetached = true
    await this.return()
  }

  /** @internal */
  protected override async fetch(): Promise<string | null> {
    const native = await this.#begun
    return thisPort().begin<string | null>((number) => native.next(number))
  }

  /** @internal */
  protected override see(event: ChatEvent): boolean {
    // What the person has said themselves is no news of the turn; `conversation.events()` tells it.
    const isPrompt = (event.type === 'text' || event.type === 'text_replaced') && event.messageId === this.#messageId
    if (isPrompt) return false
    if (event.type === 'turn_ended' && event.messageId === this.#messageId) this.#outcome = event.outcome
    return true
  }

  /** @internal */
  protected override async finished(early: boolean): Promise<void> {
    this.#forget(this)
    const port = thisPort()
    // Until it is stopped the process goes on.
    port.hold()
    try {
      const native = await this.#begun
      if (this.#isDetached) {
        native.detach()
        return
      }
      try {
        if (early) await port.call<void>((number) => native.stop(number))
      } finally {
        native.close()
      }
    } finally {
      port.release()
    }
  }
}
