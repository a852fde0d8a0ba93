// Arguments are looked at before they cross the border: whatever is wrong is a TypeError or RangeError that names it.

import type { Signal } from './signal.js'

/** Longer texts are no prompts: 16 Mi UTF-16 units. */
const LONGEST = 16 * 1024 * 1024

/** Images and other data may be longer. */
export const LONGEST_DATA = 128 * 1024 * 1024

/** JSON that is nested deeper is no request. */
const DEEPEST = 100

/** What something is, for a message. */
export function shown(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  switch (typeof value) {
    case 'undefined':
      return 'undefined'
    case 'object': {
      const maker: unknown = (value as { constructor?: unknown }).constructor
      const name = typeof maker === 'function' ? maker.name : ''
      return name === '' || name === 'Object' ? 'an object' : `an object of class ${name}`
    }
    case 'function':
      return 'a function'
    case 'bigint':
      return 'a bigint'
    default:
      return `the ${typeof value} ${String(value).slice(0, 40)}`
  }
}

function isWellFormed(value: string): boolean {
  return (value as string & { isWellFormed(): boolean }).isWellFormed()
}

/** A text that can be sent. */
export function text(value: unknown, name: string, longest: number = LONGEST): string {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, not ${shown(value)}`)
  if (value.length > longest) {
    throw new RangeError(`${name} is too long: ${value.length} of at most ${longest} characters`)
  }
  if (!isWellFormed(value)) throw new TypeError(`${name} holds half of a surrogate pair, which is no text`)
  return value
}

/** A text that is not empty. */
export function word(value: unknown, name: string): string {
  if (text(value, name) === '') throw new RangeError(`${name} must not be empty`)
  return value as string
}

/** The same, or nothing. */
export function optional<T>(value: unknown, name: string, check: (value: unknown, name: string) => T): T | undefined {
  return value === undefined ? undefined : check(value, name)
}

export function flag(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') throw new TypeError(`${name} must be true or false, not ${shown(value)}`)
  return value
}

/** A number of seconds. */
export function seconds(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number of seconds, not ${shown(value)}`)
  if (!(value >= 0 && value <= 1e12)) throw new RangeError(`${name} must be a number of seconds from 0 on, not ${value}`)
  return value
}

/** A whole number from 0 on. */
export function count(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${shown(value)}`)
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} must be a whole number from 0 on, not ${value}`)
  return value
}

export function number(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${shown(value)}`)
  if (!Number.isFinite(value)) throw new RangeError(`${name} must be a finite number, not ${value}`)
  return value
}

export function callback<F>(value: unknown, name: string): F {
  if (typeof value !== 'function') throw new TypeError(`${name} must be a function, not ${shown(value)}`)
  return value as F
}

/** One of some words. */
export function oneOf<T extends string>(...words: T[]): (value: unknown, name: string) => T {
  return (value, name) => {
    if (typeof value === 'string' && (words as string[]).includes(value)) return value as T
    const all = words.map((word) => `'${word}'`).join(', ')
    const what = typeof value === 'string' ? `'${value.slice(0, 40)}'` : shown(value)
    const message = `${name} must be one of ${all}, not ${what}`
    throw typeof value === 'string' ? new RangeError(message) : new TypeError(message)
  }
}

export function list<T>(value: unknown, name: string, check: (value: unknown, name: string) => T): T[] {
  if (!Array.isArray(value)) throw new TypeError(`${name} must be an array, not ${shown(value)}`)
  return Array.from(value as unknown[], (item, at) => check(item, `${name}[${at}]`))
}

/** An object; `undefined` is one without anything. */
export function record(value: unknown, name: string): Record<string, unknown> {
  if (value === undefined) return {}
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError(`${name} must be an object, not ${shown(value)}`)
  }
  return value as Record<string, unknown>
}

/** An object whose names are all known. */
export function options(value: unknown, name: string, known: readonly string[]): Record<string, unknown> {
  const given = record(value, name)
  for (const key of Object.keys(given)) {
    if (!known.includes(key)) throw new TypeError(`${name}.${key.slice(0, 40)} is not known; there is ${known.join(', ')}`)
  }
  return given
}

export function signal(value: unknown, name: string): Signal {
  const given = value as Partial<Signal> | null
  if (typeof value !== 'object' || given === null || typeof given.aborted !== 'boolean' || typeof given.addEventListener !== 'function') {
    throw new TypeError(`${name} must be an AbortSignal, not ${shown(value)}`)
  }
  return given as Signal
}

/** A value that JSON can hold. */
export function jsonable<T>(value: T, name: string): T {
  look(value, name, [], LONGEST_DATA)
  return value
}

/** Names of what is nested deeply are cut in the middle. */
function cut(name: string): string {
  return name.length > 120 ? `${name.slice(0, 60)}…${name.slice(-40)}` : name
}

function look(value: unknown, name: string, above: object[], longest: number): void {
  switch (typeof value) {
    case 'string':
      text(value, name, longest)
      return
    case 'number':
      number(value, name)
      return
    case 'boolean':
    case 'undefined':
      return
    case 'object':
      break
    default:
      throw new TypeError(`${name} cannot be sent: it is ${shown(value)}`)
  }
  if (value === null) return
  if (above.includes(value)) throw new TypeError(`${cut(name)} is cyclic: it holds itself`)
  if (above.length >= DEEPEST) throw new RangeError(`${cut(name)} is nested deeper than ${DEEPEST} levels`)
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return
  above.push(value)
  if (Array.isArray(value)) {
    value.forEach((item, at) => look(item, `${name}[${at}]`, above, longest))
  } else {
    for (const [key, item] of Object.entries(value)) {
      text(key, `a name in ${name}`)
      look(item, `${name}.${key}`, above, longest)
    }
  }
  above.pop()
}
