// Abort signals. One listener for each signal, however many calls hear of it: Node warns of more than ten.

/** What is used of an AbortSignal, so that no library of types has to name that. */
export interface Signal {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/** Who hears of each signal. */
const heard = new WeakMap<Signal, { all: Set<() => void>; tell: () => void }>()

/**
 * Calls a function when a signal is aborted; what is given back forgets that.
 *
 * @internal
 */
export function onAbort(signal: Signal | undefined, abort: () => void): () => void {
  if (!signal) return () => {}
  let one = heard.get(signal)
  if (!one) {
    const all = new Set<() => void>()
    const tell = (): void => {
      heard.delete(signal)
      for (const each of [...all]) each()
    }
    one = { all, tell }
    heard.set(signal, one)
    signal.addEventListener('abort', tell, { once: true })
  }
  const { all, tell } = one
  all.add(abort)
  return () => {
    all.delete(abort)
    if (all.size === 0 && heard.get(signal)?.all === all) {
      heard.delete(signal)
      signal.removeEventListener('abort', tell)
    }
  }
}

/**
 * Why a signal was aborted; as `fetch` says it.
 *
 * @internal
 */
export function reasonOf(signal: Signal): unknown {
  return signal.reason ?? new DOMException('This operation was aborted', 'AbortError')
}
