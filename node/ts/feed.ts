// Whatever happens in a conversation, whoever causes it.

import type { NativeFeed } from './native.js'
import { thisPort } from './port.js'
import type { Signal } from './signal.js'
import { Reader } from './reader.js'

/** The differences of a conversation from now on, as an async iterable. It ends when the conversation is closed. */
export class Feed extends Reader {
  #native: NativeFeed | undefined

  /** @internal */
  constructor(native: NativeFeed, signal: Signal | undefined) {
    super(signal)
    this.#native = native
  }

  /** @internal */
  protected override fetch(): Promise<string | null> {
    const native = this.#native
    if (!native) return Promise.resolve(null)
    return thisPort().begin<string | null>((number) => native.next(number))
  }

  /** @internal */
  protected override see(): boolean {
    return true
  }

  /** @internal */
  protected override finished(): Promise<void> {
    this.#native?.close()
    this.#native = undefined
    return Promise.resolve()
  }
}
