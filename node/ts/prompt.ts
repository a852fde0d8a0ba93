// What is said to an agent, checked and written as native code reads it.

import { resolve } from 'node:path'

import * as check from './check.js'
import type { Signal } from './signal.js'

/** One piece of a prompt. */
export type Piece =
  | { type: 'text'; text: string }
  /** Text that goes along for the model and that the person did not write. */
  | { type: 'context'; text: string }
  /** A file that the server reads itself, wholly or by lines (from 1, both ends included). */
  | { type: 'file'; path: string; lines?: readonly [number, number] | undefined }
  /** A file by address: `file:` as the server sees it, or `data:`. */
  | { type: 'file'; url: string; mime?: string | undefined; filename?: string | undefined }
  /** An image; `data` is bytes, or text in Base64. */
  | { type: 'image'; mime: string; data: Uint8Array | string; filename?: string | undefined }
  /** A mention of an agent. */
  | { type: 'agent'; name: string }
  /** Work for a sub-agent. */
  | { type: 'subtask'; agent: string; prompt: string; description?: string | undefined }

/** What can be said: a text, or pieces. */
export type PromptInput = string | Piece | readonly (string | Piece)[]

/** How a prompt is sent. Whatever is left out is as the session or the server has it. */
export interface PromptOptions {
  /** What goes along, each named as behind an `@`: `git-diff`, `src/lib.rs#L3-9`, `docs:install` for a provider of your own. */
  context?: readonly string[] | undefined
  /** `provider/model`. */
  model?: string | undefined
  agent?: string | undefined
  /** Replaces the agent's system prompt. */
  system?: string | undefined
  /** Only puts the message into the session; no turn is run. */
  noReply?: boolean | undefined
  /** When it is read if a turn runs already: at once (`steer`, the default), or afterwards (`queue`). */
  delivery?: 'steer' | 'queue' | undefined
  /** The turn is stopped and fails with `system.timeout` when it takes longer, in seconds. */
  deadline?: number | undefined
  /** Stops the agent; whoever reads the turn is told the signal's reason. */
  signal?: AbortSignal | undefined
}

/** How a command, a shell command or a summary is run. */
export interface ActOptions {
  model?: string | undefined
  agent?: string | undefined
  signal?: AbortSignal | undefined
}

const SAID = ['context', 'model', 'agent', 'system', 'noReply', 'delivery', 'deadline', 'signal']
const ACT = ['model', 'agent', 'signal']

/**
 * A prompt as native code reads it, and its signal.
 *
 * @internal
 */
export function said(input: unknown, given: unknown): { json: string; signal: Signal | undefined } {
  const parts = pieces(input)
  const options = check.options(given, 'options', SAID)
  const json = JSON.stringify({
    parts,
    context: check.optional(options['context'], 'options.context', (value, name) => check.list(value, name, check.word)),
    model: check.optional(options['model'], 'options.model', check.word),
    agent: check.optional(options['agent'], 'options.agent', check.word),
    system: check.optional(options['system'], 'options.system', check.text),
    noReply: check.optional(options['noReply'], 'options.noReply', check.flag),
    delivery: check.optional(options['delivery'], 'options.delivery', check.oneOf('steer', 'queue')),
    deadline: check.optional(options['deadline'], 'options.deadline', check.seconds),
  })
  return { json, signal: check.optional(options['signal'], 'options.signal', check.signal) }
}

/**
 * An action as native code reads it, and its signal.
 *
 * @internal
 */
export function deed(what: object, given: unknown): { json: string; signal: Signal | undefined } {
  const options = check.options(given, 'options', ACT)
  const json = JSON.stringify({
    ...what,
    model: check.optional(options['model'], 'options.model', check.word),
    agent: check.optional(options['agent'], 'options.agent', check.word),
  })
  return { json, signal: check.optional(options['signal'], 'options.signal', check.signal) }
}

function pieces(input: unknown): object[] {
  if (typeof input === 'string') return [{ type: 'text', text: check.word(input, 'prompt') }]
  if (Array.isArray(input)) {
    if (input.length === 0) throw new RangeError('prompt must not be empty')
    return Array.from(input as unknown[], (item, at) => piece(item, `prompt[${at}]`))
  }
  if (typeof input === 'object' && input !== null) return [piece(input, 'prompt')]
  throw new TypeError(`prompt must be a string or pieces, not ${check.shown(input)}`)
}

const KINDS = check.oneOf('text', 'context', 'file', 'image', 'agent', 'subtask')

function piece(value: unknown, name: string): object {
  if (typeof value === 'string') return { type: 'text', text: check.text(value, name) }
  if (typeof value !== 'object' || value === null) {
    throw new TypeError(`${name} must be a string or a piece with a type, not ${check.shown(value)}`)
  }
  const given = value as Record<string, unknown>
  const type = KINDS(given['type'], `${name}.type`)
  const known = (...names: string[]): void => void check.options(value, name, ['type', ...names])
  const text = (key: string): string => check.text(given[key], `${name}.${key}`)
  const word = (key: string): string => check.word(given[key], `${name}.${key}`)
  const maybe = (key: string): string | undefined => check.optional(given[key], `${name}.${key}`, check.text)
  switch (type) {
    case 'text':
    case 'context':
      known('text')
      return { type, text: text('text') }
    case 'file':
      if (given['url'] === undefined) {
        known('path', 'lines')
        return { type, path: resolve(word('path')), lines: check.optional(given['lines'], `${name}.lines`, lines) }
      }
      known('url', 'mime', 'filename')
      return { type, url: check.text(given['url'], `${name}.url`, check.LONGEST_DATA), mime: maybe('mime'), filename: maybe('filename') }
    case 'image':
      known('mime', 'data', 'filename')
      return { type, mime: word('mime'), data: data(given['data'], `${name}.data`), filename: maybe('filename') }
    case 'agent':
      known('name')
      return { type, name: word('name') }
    case 'subtask':
      known('agent', 'prompt', 'description')
      return { type, agent: word('agent'), prompt: word('prompt'), description: maybe('description') }
  }
}

function lines(value: unknown, name: string): [number, number] {
  const [first, last, ...rest] = check.list(value, name, check.count)
  if (first === undefined || last === undefined || rest.length > 0 || first < 1 || last < first) {
    throw new RangeError(`${name} must be the first line and the last, counted from 1`)
  }
  return [first, last]
}

function data(value: unknown, name: string): string {
  if (value instanceof Uint8Array) {
    if (value.byteLength > check.LONGEST_DATA / 2) throw new RangeError(`${name} is too long: ${value.byteLength} bytes`)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  }
  if (typeof value !== 'string') throw new TypeError(`${name} must be a Uint8Array or a string, not ${check.shown(value)}`)
  return check.text(value, name, check.LONGEST_DATA)
}
