// Context that is written in JavaScript: a prompt names it, and the function says what it means.

import * as check from './check.js'
import { thisPort } from './port.js'

/** One piece of context. */
export type ContextItem =
  | {
      type?: 'text' | undefined
      text: string
      /** One line for a person. */
      title?: string | undefined
      /** For a fence, as in Markdown: `diff`, `rust`. */
      language?: string | undefined
      /** Who may have written it. Default `'foreign'`: it is fenced, and the model is told that nothing in it is a request. */
      trust?: 'project' | 'foreign' | undefined
      /** How much it matters beside the others, from 0 to 1; default 0.5. */
      weight?: number | undefined
    }
  | {
      type: 'file'
      /** Absolute, as the server sees it. */
      path: string
      lines?: readonly [number, number] | undefined
      title?: string | undefined
      trust?: 'project' | 'foreign' | undefined
      weight?: number | undefined
    }

/** What a provider gives: a text, a piece, or a list of them. */
export type GivenContext = string | ContextItem | readonly (string | ContextItem)[]

/** Gives context for one name: `tickets` is asked for by `context: ['tickets:42']`. */
export interface ContextProvider {
  /** Lower case letters, digits and hyphens. */
  name: string
  /** One line for a person. */
  summary?: string | undefined
  /** What stands behind the colon, in a word; leave it out when nothing does. */
  argument?: string | undefined
  /** Whether it means nothing without that. */
  needsArgument?: boolean | undefined
  /** What is meant. It has 15 s. What it throws is an error of the prompt. */
  provide(argument: string | null, scope: { directory: string }): GivenContext | Promise<GivenContext>
}

const NAME = /^[a-z][a-z0-9-]{0,39}$/

/**
 * The providers of a Nexus.
 *
 * @internal
 */
export class Providers {
  /** The numbers under which they are called. */
  readonly #listeners = new Map<string, number>()

  /** All that are given at once, as native code knows them. */
  offers(value: unknown): object[] {
    const given = check.optional(value, 'options.providers', (list, name) => check.list(list, name, provider)) ?? []
    return given.map((one, at) => this.offer(one, `options.providers[${at}]`))
  }

  /** One, as native code knows it. */
  offer(value: unknown, as: string): object {
    const { name, summary, argument, needsArgument } = provider(value, as)
    const port = thisPort()
    const listener = port.listen((_, answer) => {
      const [call, json] = answer as [number, string]
      const asked = JSON.parse(json) as { argument: string | null; directory: string }
      const give = async (): Promise<string> => {
        const given = (value as ContextProvider).provide(asked.argument, { directory: asked.directory })
        return JSON.stringify(items(await given))
      }
      give().then(
        (given) => port.native.reply(call, given, null),
        (error: unknown) => port.native.reply(call, null, error instanceof Error ? error.message : String(error)),
      )
    })
    this.withdraw(name)
    this.#listeners.set(name, listener)
    return { name, summary: summary ?? '', argument: argument ?? null, needsArgument: needsArgument ?? false, function: listener }
  }

  /** It is called no more. */
  withdraw(name: string): void {
    const listener = this.#listeners.get(name)
    if (listener !== undefined) thisPort().forget(listener)
    this.#listeners.delete(name)
  }

  close(): void {
    for (const name of [...this.#listeners.keys()]) this.withdraw(name)
  }
}

function provider(value: unknown, name: string): ContextProvider {
  if (typeof value !== 'object' || value === null) throw new TypeError(`${name} must be a provider, not ${check.shown(value)}`)
  const given = value as Record<string, unknown>
  const word = check.text(given['name'], `${name}.name`)
  if (!NAME.test(word)) throw new RangeError(`${name}.name must have lower case letters, digits and hyphens, not '${word.slice(0, 40)}'`)
  check.optional(given['summary'], `${name}.summary`, check.text)
  check.optional(given['argument'], `${name}.argument`, check.text)
  check.optional(given['needsArgument'], `${name}.needsArgument`, check.flag)
  check.callback(given['provide'], `${name}.provide`)
  return value as ContextProvider
}

function items(given: unknown): object[] {
  const name = 'the context'
  return Array.isArray(given) ? given.map((one, at) => item(one, `${name}[${at}]`)) : [item(given, name)]
}

function item(value: unknown, name: string): object {
  if (typeof value === 'string') return { type: 'text', text: check.text(value, name) }
  const given = check.options(value ?? null, name, ['type', 'text', 'path', 'lines', 'title', 'language', 'trust', 'weight'])
  const shared = {
    title: check.optional(given['title'], `${name}.title`, check.text),
    trust: check.optional(given['trust'], `${name}.trust`, check.oneOf('project', 'foreign')),
    weight: check.optional(given['weight'], `${name}.weight`, check.number),
  }
  if (given['type'] === 'file') {
    const lines = check.optional(given['lines'], `${name}.lines`, (list, its) => check.list(list, its, check.count))
    return { type: 'file', path: check.word(given['path'], `${name}.path`), lines, ...shared }
  }
  const language = check.optional(given['language'], `${name}.language`, check.text)
  return { type: 'text', text: check.text(given['text'], `${name}.text`), language, ...shared }
}
