// The way between this thread and the native runtime: numbered calls, whose answers come by one callback.
//
// An idle handle holds no event loop. While somebody awaits an answer a timer holds it; the timer never does anything else.

import { toError, traced } from './errors.js'
import { load, type NativePort } from './native.js'
import { onAbort, reasonOf, type Signal } from './signal.js'

type Hear = (error: string | null, answer: unknown) => void

/** How long the end of the process may be put off until turns are stopped and servers are closed, in milliseconds. */
const LAST_WORDS = 3000

/** Longer than a process lives between two looks; it is also the longest that a timer takes. */
const NEVER = 2 ** 31 - 1

/** @internal */
export class Port {
  readonly native: NativePort
  readonly #listeners = new Map<number, Hear>()
  #number = 0
  #held = 0
  readonly #keeper = setInterval(() => {}, NEVER)

  constructor() {
    this.#keeper.unref()
    const listeners = this.#listeners
    this.native = new (load().Port)((number, error, answer) => listeners.get(number)?.(error, answer))
    process.on('exit', () => this.native.end(LAST_WORDS))
  }

  /** Somebody waits: the process goes on. */
  hold(): void {
    if (this.#held++ === 0) this.#keeper.ref()
  }

  /** Nobody does any more. */
  release(): void {
    if (--this.#held === 0) this.#keeper.unref()
  }

  /** Hears everything that is told under a number, until it is forgotten. */
  listen(hear: Hear): number {
    do this.#number = (this.#number + 1) >>> 0
    while (this.#listeners.has(this.#number))
    this.#listeners.set(this.#number, hear)
    return this.#number
  }

  forget(number: number): void {
    this.#listeners.delete(number)
  }

  /** One call and its answer; nobody needs to wait for it. */
  begin<T>(call: (number: number) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const number = this.listen((error, answer) => {
        this.forget(number)
        if (error === null) resolve(answer as T)
        else reject(toError(error))
      })
      call(number)
    })
  }

  /** One call and its answer, for which somebody waits. When the signal is aborted the work is dropped. */
  async call<T>(call: (number: number) => void, signal?: Signal): Promise<T> {
    if (signal?.aborted) throw reasonOf(signal)
    try {
      return await this.#awaited<T>(call, signal)
    } catch (error) {
      throw traced(error)
    }
  }

  #awaited<T>(call: (number: number) => void, signal: Signal | undefined): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const done = (): void => {
        this.forget(number)
        this.release()
        forget()
      }
      const forget = onAbort(signal, () => {
        done()
        this.native.cancel(number)
        if (signal) reject(reasonOf(signal))
      })
      const number = this.listen((error, answer) => {
        done()
        if (error === null) resolve(answer as T)
        else reject(toError(error))
      })
      this.hold()
      call(number)
    })
  }

  /** The same for answers that are JSON; `undefined` where there is none. */
  async ask<T>(call: (number: number) => void, signal?: Signal): Promise<T> {
    const answer = await this.call<unknown>(call, signal)
    return (typeof answer === 'string' ? JSON.parse(answer) : answer) as T
  }
}

let port: Port | undefined

/**
 * The port of this thread.
 *
 * @internal
 */
export function thisPort(): Port {
  port ??= new Port()
  return port
}
