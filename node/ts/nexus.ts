// The connection: one server that is found, started or named, and everything that it is asked without a conversation.

import type { CallOptions } from './api/call.js'
import { Api } from './api/v1.js'
import * as check from './check.js'
import { Conversation, type AskOptions, type Owner } from './conversation.js'
import { AbortedError, ConfigurationError } from './errors.js'
import { History } from './history.js'
import type {
  Agent, Capabilities, Catalogue, JsonObject, Message, Plugin, ServerConfiguration, Session, SlashCommand,
} from './model.js'
import type { NativeConversation, NativeNexus } from './native.js'
import { opening, type ConversationOptions } from './opening.js'
import { thisPort } from './port.js'
import type { Signal } from './signal.js'
import { Providers, type ContextProvider } from './providers.js'
import { EventStream } from './raw.js'

/** What a local Nexus and one at an address have in common. */
export interface ConnectOptions {
  /** The folder to work in. Default: the current one. */
  directory?: string | undefined
  /** What the server wants to hear. Default: what the address or the environment says. */
  password?: string | undefined
  /** Default `opencode`. */
  user?: string | undefined
  /** Whether conversations are kept in the encrypted history: no (the default), when an account can be opened, or yes. */
  keep?: 'off' | 'auto' | 'on' | undefined
  /** The account to keep them in. Default: the current one. */
  account?: string | undefined
  /** Its passphrase. Default: it must be logged in (`nexus account login`). */
  passphrase?: string | undefined
  /** The configuration file. Default: the person's own. */
  config?: string | undefined
  /** The profile of the configuration. */
  profile?: string | undefined
  /**
   * Whether the installed plugins (`nexus plugin add`) give context, look at prompts and show themselves, as in `nexus chat`.
   * Default: no.
   */
  plugins?: boolean | undefined
  /** Context that your program gives. */
  providers?: readonly ContextProvider[] | undefined
  /** Gives opening up. */
  signal?: AbortSignal | undefined
}

/** How a local server is found or started. */
export interface LocalOptions extends ConnectOptions {
  /** The name of a background server (`nexus server start NAME`), which must run then. */
  server?: string | undefined
  /** Whether a server may be started. Default: as the settings say, which is yes. */
  start?: boolean | undefined
  /** The OpenCode binary for a server that is started. Default: it is found or installed. */
  binary?: string | undefined
  /** Hears how far an installation of OpenCode is. */
  onProgress?: ((progress: Progress) => void) | undefined
}

/** How far an installation is. */
export interface Progress {
  step: 'waiting' | 'resolving' | 'downloading' | 'verifying' | 'unpacking' | 'checking' | 'trial' | 'done' | (string & {})
  package: string
  /** Bytes that are done. */
  done: number
  /** Bytes altogether, where that is known. */
  total: number | null
}

/** What is known of the server. */
export interface ServerInfo {
  /** Without credentials. */
  address: string
  directory: string | null
  /** `v1` is OpenCode 1.x, `v2` is OpenCode 2. */
  line: 'v1' | 'v2'
  version: string
  /** Whether it was started for this Nexus, and ends with it. */
  started: boolean
  /** Whether conversations are kept. */
  kept: 'on' | 'off' | 'locked'
  capabilities: Capabilities
}

/** In which folder something is asked. */
export interface FolderOptions extends AskOptions {
  directory?: string | undefined
}

/** Which sessions are listed. */
export interface SessionsOptions extends FolderOptions {
  /** The title holds this. */
  search?: string | undefined
  /** Only sessions that no agent has started. */
  rootsOnly?: boolean | undefined
  limit?: number | undefined
}

const CONNECT = ['directory', 'password', 'user', 'keep', 'account', 'passphrase', 'config', 'profile', 'plugins', 'providers', 'signal']
const LOCAL = [...CONNECT, 'server', 'start', 'binary', 'onProgress']
const TEXTS = ['directory', 'password', 'user', 'account', 'passphrase', 'config', 'profile', 'server', 'binary']

/**
 * One server, and everything that it can do.
 *
 * ```js
 * await using nexus = await Nexus.local()
 * for await (const event of (await nexus.conversation()).prompt('Explain src/lib.rs'))
 *   if (event.type === 'text') process.stdout.write(event.delta)
 * ```
 */
export class Nexus {
  readonly #native: NativeNexus
  readonly #providers: Providers
  readonly #opened = new OpenConversations()
  readonly #streams = new Set<EventStream>()
  #closing: Promise<void> | undefined
  #api: Api | undefined
  #history: History | undefined

  private constructor(native: NativeNexus, providers: Providers) {
    this.#native = native
    this.#providers = providers
  }

  /**
   * Finds a server on this machine, or starts one, which ends with this object and with the process at the latest.
   *
   * @throws NexusError when there is none and none can be started; TypeError and RangeError for options that cannot be
   */
  static async local(options?: LocalOptions): Promise<Nexus> {
    return Nexus.#open(check.options(options, 'options', LOCAL), undefined)
  }

  /**
   * Connects to the server at an address like `http://127.0.0.1:4096` or `https://user:password@host`.
   *
   * @throws NexusError when it cannot be reached, is none, or wants other credentials
   */
  static async connect(url: string | URL, options?: ConnectOptions): Promise<Nexus> {
    const address = url instanceof URL ? url.href : check.word(url, 'url')
    return Nexus.#open(check.options(options, 'options', CONNECT), address)
  }

  static async #open(options: Record<string, unknown>, url: string | undefined): Promise<Nexus> {
    const wanted: Record<string, unknown> = { url }
    for (const name of TEXTS) wanted[name] = check.optional(options[name], `options.${name}`, check.word)
    wanted['keep'] = check.optional(options['keep'], 'options.keep', check.oneOf('off', 'auto', 'on'))
    wanted['start'] = check.optional(options['start'], 'options.start', check.flag)
    wanted['plugins'] = check.optional(options['plugins'], 'options.plugins', check.flag)
    const signal = check.optional(options['signal'], 'options.signal', check.signal)
    const hear = check.optional(options['onProgress'], 'options.onProgress', check.callback<(progress: Progress) => void>)
    const port = thisPort()
    const providers = new Providers()
    wanted['providers'] = providers.offers(options['providers'])
    const progress = hear && port.listen((_, json) => hear(JSON.parse(json as string) as Progress))
    if (progress !== undefined) wanted['progress'] = progress
    try {
      const native = await port.call<NativeNexus>((number) => port.native.open(number, JSON.stringify(wanted)), signal)
      return new Nexus(native, providers)
    } catch (error) {
      providers.close()
      throw error
    } finally {
      if (progress !== undefined) port.forget(progress)
    }
  }

  /** What is known of the server without asking. */
  get server(): ServerInfo {
    const description = JSON.parse(this.#native.describe()) as ServerInfo | null
    if (!description) throw closed()
    return description
  }

  /** Whether the server was started for this Nexus, and ends with it. */
  get hasStarted(): boolean {
    return this.server.started
  }

  /**
   * The encrypted history in which conversations are kept.
   *
   * @throws ConfigurationError when they are not: open Nexus with `keep: 'on'`
   */
  get history(): History {
    if (this.#closing) throw closed()
    const native = this.#history ? null : this.#native.history()
    if (native) this.#history = new History(native)
    if (this.#history) return this.#history
    const hint = "open Nexus with keep: 'on', and give the passphrase or log in by `nexus account login` before"
    throw new ConfigurationError({ code: 'user.configuration', message: 'conversations are not kept', hint })
  }

  /** From now on your program gives the context of this name; one of the same name gives way to it. */
  provide(provider: ContextProvider): void {
    if (this.#closing) throw closed()
    this.#native.provide(JSON.stringify(this.#providers.offer(provider, 'provider')))
  }

  /** Nothing is given under this name any more. */
  withdraw(name: string): void {
    this.#native.withdraw(check.word(name, 'name'))
    this.#providers.withdraw(name)
  }

  /** Opens a conversation: a new session, or one that exists. */
  async conversation(options?: ConversationOptions): Promise<Conversation> {
    const { json, directory, onPermission, onQuestion, signal } = opening(options)
    if (this.#closing) throw closed()
    const begin = (number: number): void => this.#native.conversation(number, directory ?? null, json)
    const native = await thisPort().call<NativeConversation>(begin, signal)
    const conversation = new Conversation(native, onPermission, onQuestion, this.#opened)
    if (this.#closing) {
      conversation.close()
      throw closed()
    }
    return conversation
  }

  /** The server's events from now on, in its own words. They have a connection of their own. */
  events(options?: FolderOptions): EventStream {
    return this.#events(options, null)
  }

  #events(options: FolderOptions | undefined, stream: string | null): EventStream {
    const { directory, signal } = folder(options)
    if (this.#closing) throw closed()
    const open = (number: number): void => this.#native.events(number, directory, stream)
    const events = new EventStream(open, signal, (over) => this.#streams.delete(over))
    if (!signal?.aborted) this.#streams.add(events)
    return events
  }

  /** Every operation of the server's interface, by its name; those of OpenCode 2 are in `api.v2`. */
  get api(): Api {
    this.#api ??= new Api(
      (line, id, args, options) => this.call(line, id, args as JsonObject, options),
      (line, id, args, options) => this.#stream(line, id, args, options),
    )
    return this.#api
  }

  /** Calls an operation by the identifier that it has in the interface document of a line; `api` has a method for each. */
  async call(line: 'v1' | 'v2', id: string, args?: object, options?: CallOptions & FolderOptions): Promise<unknown> {
    const { directory, signal } = folder(options)
    const json = JSON.stringify({
      ask: 'call',
      line: check.oneOf('v1', 'v2')(line, 'line'),
      id: check.word(id, 'id'),
      arguments: check.record(check.jsonable(args, 'args'), 'args'),
      directory,
    })
    if (this.#closing) throw closed()
    const answer = await thisPort().call<unknown>((number) => this.#native.ask(number, json), signal)
    if (typeof answer === 'string') return JSON.parse(answer) as unknown
    // Text that is no JSON comes in a list.
    return Array.isArray(answer) ? (answer as unknown[])[0] : answer
  }

  async *#stream(line: 'v1' | 'v2', id: string, args: object, options: FolderOptions | undefined): AsyncGenerator<unknown, void, undefined> {
    const stream = JSON.stringify({ line, id, arguments: check.record(check.jsonable(args, 'args'), 'args') })
    for await (const event of this.#events(options, stream)) if (!event.type.startsWith('nexus.')) yield event.data
  }

  /** The sessions of the folder, newest first. */
  async sessions(options?: SessionsOptions): Promise<Session[]> {
    const given = check.options(options, 'options', ['search', 'rootsOnly', 'limit', 'directory', 'signal'])
    return this.#ask(
      {
        ask: 'sessions',
        search: check.optional(given['search'], 'options.search', check.text),
        rootsOnly: check.optional(given['rootsOnly'], 'options.rootsOnly', check.flag),
        limit: check.optional(given['limit'], 'options.limit', check.count),
        directory: check.optional(given['directory'], 'options.directory', check.word),
      },
      { signal: given['signal'] } as AskOptions,
    )
  }

  /** How the installed plugins stand; none when it was opened without `plugins`. Asks nobody. */
  plugins(): Plugin[] {
    return JSON.parse(this.#native.plugins()) as Plugin[]
  }

  /** The sessions in which a turn runs, those of sub-agents too. */
  async running(options?: FolderOptions): Promise<string[]> {
    return this.#folder('running', options)
  }

  /** The messages of a session, read from the server now, the oldest first. To follow it, open a conversation. */
  async messages(session: string, options?: FolderOptions): Promise<Message[]> {
    return this.#folder('messages', options, { session: check.word(session, 'session') })
  }

  /** The providers and models that the server knows, without keys. */
  async models(options?: FolderOptions): Promise<Catalogue> {
    return this.#folder('models', options)
  }

  /** The agents of the folder, the server's own among them. */
  async agents(options?: FolderOptions): Promise<Agent[]> {
    return this.#folder('agents', options)
  }

  /** The slash commands that the server offers for the folder. */
  async commands(options?: FolderOptions): Promise<SlashCommand[]> {
    return this.#folder('commands', options)
  }

  /** The server's own configuration, without secrets. */
  async configuration(options?: FolderOptions): Promise<ServerConfiguration> {
    return this.#folder('configuration', options)
  }

  /** Changes the server's configuration by a JSON merge patch (RFC 7396). Do not send back what was read: secrets are redacted in it. */
  async patchConfiguration(patch: object, options?: FolderOptions): Promise<void> {
    return this.#folder('patchConfiguration', options, { patch: check.record(check.jsonable(patch, 'patch'), 'patch') })
  }

  #folder<T>(ask: string, options: FolderOptions | undefined, more: object = {}): Promise<T> {
    const { directory } = folder(options)
    return this.#ask({ ask, ...more, directory }, options && ({ signal: options.signal } as AskOptions))
  }

  async #ask<T>(ask: object, given: unknown): Promise<T> {
    const { signal } = check.options(given, 'options', ['signal'])
    if (this.#closing) throw closed()
    const json = JSON.stringify(ask)
    return thisPort().ask<T>((number) => this.#native.ask(number, json), check.optional(signal, 'options.signal', check.signal))
  }

  /** Closes everything that was opened through it, and waits until a server that was started for it is gone. A second call waits too. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#opened.close()
    for (const stream of [...this.#streams]) void stream.return()
    const port = thisPort()
    try {
      await port.call<void>((number) => this.#native.close(number))
    } finally {
      this.#providers.close()
    }
  }

  /** Closes it when `await using` leaves its block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** The conversations that are open. One that nobody holds any more is not kept by it. */
class OpenConversations implements Owner {
  #refs = new Set<WeakRef<Conversation>>()
  readonly #own = new WeakMap<Conversation, WeakRef<Conversation>>()
  #look = 64

  opened(conversation: Conversation): void {
    const ref = new WeakRef(conversation)
    this.#own.set(conversation, ref)
    this.#refs.add(ref)
    if (this.#refs.size < this.#look) return
    this.#refs = new Set([...this.#refs].filter((one) => one.deref() !== undefined))
    this.#look = Math.max(64, this.#refs.size * 2)
  }

  closed(conversation: Conversation): void {
    const ref = this.#own.get(conversation)
    if (ref) this.#refs.delete(ref)
  }

  close(): void {
    for (const ref of [...this.#refs]) ref.deref()?.close()
  }
}

function folder(given: unknown): { directory: string | null; signal: Signal | undefined } {
  const options = check.options(given, 'options', ['directory', 'signal'])
  return {
    directory: check.optional(options['directory'], 'options.directory', check.word) ?? null,
    signal: check.optional(options['signal'], 'options.signal', check.signal),
  }
}

function closed(): AbortedError {
  return new AbortedError({ code: 'user.aborted', message: 'this Nexus was closed', hint: 'open another one' })
}
