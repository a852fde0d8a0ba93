// Reads chat events that come in batches. While a batch lasts `next` answers at once; then one native call fetches what waits.

import { toError, traced } from './errors.js'
import type { ChatEvent } from './events.js'
import { thisPort } from './port.js'
import { onAbort, reasonOf, type Signal } from './signal.js'

/** What native code gives; nothing after the end. */
interface Batch {
  events: ChatEvent[]
  error: object | null
  ended: boolean
}

/** A stream of chat events. It can be read once. */
export abstract class Reader implements AsyncIterableIterator<ChatEvent, undefined, undefined> {
  #events: ChatEvent[] = []
  #at = 0
  /** What comes after the events that are there: nothing, or an error, which `next` throws once. */
  #after: { error?: unknown; told?: boolean } | undefined
  /** The fetch that runs; all who wait meanwhile wait for it. */
  #fetching: Promise<void> | undefined
  #interrupt: ((reason: unknown) => void) | undefined
  #forget = (): void => {}

  /** @internal */
  constructor(signal: Signal | undefined) {
    if (signal?.aborted) {
      this.#after = { error: reasonOf(signal) }
    } else if (signal) {
      this.#forget = onAbort(signal, () => this.fail(reasonOf(signal)))
    }
  }

  /**
   * Fetches what waits: the JSON of a batch, `null` after the end.
   *
   * @internal
   */
  protected abstract fetch(): Promise<string | null>

  /**
   * Looks at each event before it is handed on; `false` keeps it back.
   *
   * @internal
   */
  protected abstract see(event: ChatEvent): boolean

  /**
   * Nothing is read any more. `early` says that more could have come.
   *
   * @internal
   */
  protected abstract finished(early: boolean): Promise<void>

  /**
   * What went wrong, if something did.
   *
   * @internal
   */
  protected get failure(): { error?: unknown } | undefined {
    return this.#after && 'error' in this.#after ? this.#after : undefined
  }

  /**
   * Whether nothing more is fetched.
   *
   * @internal
   */
  protected get isOver(): boolean {
    return this.#after !== undefined
  }

  /** Itself: it is read once. */
  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next event. */
  next(): Promise<IteratorResult<ChatEvent, undefined>> {
    if (this.#at < this.#events.length) {
      return Promise.resolve({ done: false, value: this.#events[this.#at++] as ChatEvent })
    }
    return this.#more()
  }

  /** Ends it: a loop that is left calls this. */
  async return(): Promise<IteratorResult<ChatEvent, undefined>> {
    this.#events = []
    if (!this.#after) await this.#end({}, true)
    return { done: true, value: undefined }
  }

  /** Ends it when `await using` leaves its block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /**
   * Ends it with an error, which whoever waits is told at once.
   *
   * @internal
   */
  fail(error: unknown): void {
    if (this.#after) return
    this.#events = []
    void this.#end({ error }, true)
  }

  /** Nothing more is fetched. */
  async #end(after: { error?: unknown }, early: boolean): Promise<void> {
    this.#after = after
    this.#forget()
    this.#interrupt?.(undefined)
    // Who does not read any more cannot be told that stopping failed.
    await this.finished(early).catch(() => {})
  }

  async #more(): Promise<IteratorResult<ChatEvent, undefined>> {
    for (;;) {
      if (this.#at < this.#events.length) {
        return { done: false, value: this.#events[this.#at++] as ChatEvent }
      }
      if (this.#after) {
        if (!('error' in this.#after) || this.#after.told) return { done: true, value: undefined }
        this.#after.told = true
        throw traced(this.#after.error)
      }
      this.#fetching ??= this.#fetch()
      await this.#fetching
    }
  }

  async #fetch(): Promise<void> {
    const port = thisPort()
    port.hold()
    try {
      const json = await new Promise<string | null>((resolve, reject) => {
        this.#interrupt = reject
        this.fetch().then(resolve, reject)
      })
      if (this.#after) return
      const batch: Batch = json === null ? { events: [], error: null, ended: true } : (JSON.parse(json) as Batch)
      this.#events = batch.events.filter((event) => this.see(event))
      this.#at = 0
      if (batch.error) void this.#end({ error: toError(JSON.stringify(batch.error)) }, false)
      else if (batch.ended) void this.#end({}, false)
    } catch (error) {
      if (!this.#after) void this.#end({ error }, false)
    } finally {
      this.#interrupt = undefined
      this.#fetching = undefined
      port.release()
    }
  }
}
