// The events of a server in its own words, for those who want the wire. They come in batches: an object is made for each that is handed
// on, its type is known without looking into it, and its JSON is read when somebody asks.

import { toError } from './errors.js'
import type { Json } from './model.js'
import type { NativeEvents } from './native.js'
import { thisPort } from './port.js'
import { onAbort, reasonOf, type Signal } from './signal.js'

/** The number of a type that has none. */
const UNKNOWN = 0xffff_ffff

interface Batch {
  data: Buffer
  places: Uint32Array
  kinds: readonly string[]
}

/** What is said of the connection. */
interface Word {
  type: string
  json: string
}

/**
 * One event of a server, or of the connection to it: `nexus.connected` says that a connection stands (before each later one events were
 * missed), `nexus.disconnected` that it was lost and is being made again.
 *
 * An event keeps the batch in memory with which it came, 1 MiB or so; keep `data` if you keep something.
 */
export class RawEvent {
  readonly #batch: Batch | Word
  readonly #at: number

  /** @internal */
  constructor(batch: Batch | Word, at: number) {
    this.#batch = batch
    this.#at = at
  }

  /** The server's word, for example `message.part.updated`; empty for an event without one. */
  get type(): string {
    const batch = this.#batch
    if ('type' in batch) return batch.type
    const number = batch.places[this.#at + 2] as number
    return number === UNKNOWN ? this.#read() : (batch.kinds[number] as string)
  }

  /** The event as the server sent it. */
  get json(): string {
    const batch = this.#batch
    if ('type' in batch) return batch.json
    return batch.data.toString('utf8', batch.places[this.#at], batch.places[this.#at + 1])
  }

  /** The event, decoded anew by each call. */
  get data(): Json {
    return JSON.parse(this.json) as Json
  }

  /** What it says: `properties` of OpenCode 1.x, `data` of OpenCode 2; decoded anew by each call. */
  get properties(): Json {
    const data = this.data as { properties?: Json; data?: Json } | null
    return data?.properties ?? data?.data ?? {}
  }

  #read(): string {
    const data = this.data as { type?: unknown; payload?: { type?: unknown } }
    const word = data.type ?? data.payload?.type
    return typeof word === 'string' ? word : ''
  }

  /** For `console.log` and `JSON.stringify`. */
  toJSON(): Json {
    return this.data
  }
}

/** The events of a server from now on, as an async iterable. It is made again when the connection breaks, and read as fast as you read. */
export class EventStream implements AsyncIterableIterator<RawEvent, undefined, undefined> {
  #batch: Batch | undefined
  #at = 0
  #end = 0
  readonly #kinds: string[] = []
  #native: NativeEvents | undefined
  #coming: Promise<unknown> | undefined
  #over: { error?: unknown; told?: boolean } | undefined
  readonly #waiting = new Set<() => void>()
  readonly #forget: (stream: EventStream) => void
  #forgetSignal = (): void => {}

  /** @internal */
  constructor(open: (number: number) => void, signal: Signal | undefined, forget: (stream: EventStream) => void) {
    this.#forget = forget
    if (signal?.aborted) {
      this.#over = { error: reasonOf(signal) }
      return
    }
    if (signal) this.#forgetSignal = onAbort(signal, () => this.#close({ error: reasonOf(signal) }))
    // The first batch is asked for at once, so that the connection is made.
    this.#coming = thisPort()
      .begin<NativeEvents>(open)
      .then((native) => {
        if (this.#over) {
          native.close()
          return null
        }
        this.#native = native
        return thisPort().begin((number) => native.next(number))
      })
    this.#coming.catch(() => {})
  }

  /** Itself: it is read once. */
  [Symbol.asyncIterator](): this {
    return this
  }

  /** The next event. */
  next(): Promise<IteratorResult<RawEvent, undefined>> {
    const at = this.#at
    if (at < this.#end) {
      this.#at = at + 3
      return Promise.resolve({ done: false, value: new RawEvent(this.#batch as Batch, at) })
    }
    return this.#more()
  }

  /** Closes the connection: a loop that is left calls this. */
  return(): Promise<IteratorResult<RawEvent, undefined>> {
    this.#close({})
    return Promise.resolve({ done: true, value: undefined })
  }

  /** Closes the connection. */
  close(): void {
    this.#close({})
  }

  /** Closes the connection when `await using` leaves its block. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #close(over: { error?: unknown }): void {
    if (this.#over) return
    this.#over = over
    this.#at = this.#end = 0
    this.#batch = undefined
    this.#forgetSignal()
    for (const wake of this.#waiting) wake()
    this.#native?.close()
    this.#native = undefined
    this.#forget(this)
  }

  async #more(): Promise<IteratorResult<RawEvent, undefined>> {
    const port = thisPort()
    for (;;) {
      if (this.#at < this.#end) {
        const at = this.#at
        this.#at = at + 3
        return { done: false, value: new RawEvent(this.#batch as Batch, at) }
      }
      if (this.#over) {
        if (!('error' in this.#over) || this.#over.told) return { done: true, value: undefined }
        this.#over.told = true
        throw this.#over.error
      }
      const coming = this.#coming
      port.hold()
      let wake = (): void => {}
      let answer: unknown
      try {
        answer = await new Promise((resolve, reject) => {
          wake = () => resolve(undefined)
          this.#waiting.add(wake)
          coming?.then(resolve, reject)
        })
      } catch (error) {
        this.#close({ error })
      } finally {
        this.#waiting.delete(wake)
        port.release()
      }
      // Somebody else who waited has taken it.
      if (this.#over || coming !== this.#coming) continue
      if (answer === null) {
        this.#close({})
        continue
      }
      const native = this.#native as NativeEvents
      this.#coming = port.begin((number) => native.next(number))
      this.#coming.catch(() => {})
      if (typeof answer === 'string') return { done: false, value: told(answer) }
      const [data, places, kinds] = answer as [Buffer, Uint32Array, string[]]
      this.#kinds.push(...kinds)
      this.#batch = { data, places, kinds: this.#kinds }
      this.#at = 0
      this.#end = places.length
    }
  }
}

/** What is said of the connection, as an event. */
function told(word: string): RawEvent {
  const lost = word === 'null' ? undefined : toError(word)
  const type = lost ? 'nexus.disconnected' : 'nexus.connected'
  const properties = lost ? { reason: lost.message, code: lost.code } : {}
  return new RawEvent({ type, json: JSON.stringify({ type, properties }) }, 0)
}
