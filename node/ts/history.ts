// The encrypted history: searched, read and carried elsewhere, with a server or without.

import { resolve } from 'node:path'

import * as check from './check.js'
import type { AskOptions } from './conversation.js'
import type { Message, Session } from './model.js'
import type { NativeHistory } from './native.js'
import { thisPort } from './port.js'

/** What to look for. What is left out lets everything through. */
export interface HistoryQuery {
  /** Words (all of them), `"phrases"`, `prefix*`, `-without`. */
  text?: string | undefined
  server?: string | undefined
  /** Of this folder and those below. */
  directory?: string | undefined
  session?: string | undefined
  role?: 'user' | 'assistant' | undefined
  /** `provider/model`, or the model alone. */
  model?: string | undefined
  agent?: string | undefined
  /** With a call of this tool. */
  tool?: string | undefined
  /** In dollars. */
  costAtLeast?: number | undefined
  costAtMost?: number | undefined
  /** Not before, Unix milliseconds. */
  since?: number | undefined
  /** Before, Unix milliseconds. */
  until?: number | undefined
  hasError?: boolean | undefined
  hasFile?: boolean | undefined
  /** Default `'relevance'`. */
  order?: 'relevance' | 'newest' | undefined
  /** At most so many; default 20. */
  limit?: number | undefined
  offset?: number | undefined
}

/** Which stored sessions. */
export interface StoredSessionQuery {
  server?: string | undefined
  /** Of this folder and those below. */
  directory?: string | undefined
  /** The title holds this, without regard to case. */
  title?: string | undefined
  offset?: number | undefined
  /** At most so many; default all. */
  limit?: number | undefined
}

/** A session as it is stored. */
export interface StoredSession {
  /** The server's address, or `local` for servers that were started for a folder. */
  server: string
  session: Session
  /** When it was last written, Unix milliseconds. */
  stored: number
}

/** A whole stored conversation. */
export interface StoredConversation extends StoredSession {
  messages: Message[]
}

/** A message that was found. */
export interface FoundMessage {
  session: StoredSession
  message: Message
  /** Why it was found. */
  snippet: Snippet
  /** The better the larger. */
  score: number
}

/** A piece of a text: its pieces in order, each with whether it is what was looked for. */
export interface Snippet {
  pieces: [text: string, isHit: boolean][]
  /** Text was left out before. */
  cutBefore: boolean
  /** Text was left out behind. */
  cutAfter: boolean
}

/** How a file is written. */
export interface ExportOptions extends AskOptions {
  /** `jsonl` (the default) can be imported again, `markdown` is for people. */
  format?: 'jsonl' | 'markdown' | undefined
  /** Only these; default all. */
  sessions?: readonly string[] | undefined
  /** Whether well-known secrets are hidden. */
  redact?: boolean | undefined
  /** Encrypts the file. */
  passphrase?: string | undefined
}

/** How a file is read. */
export interface ImportOptions extends AskOptions {
  passphrase?: string | undefined
  /** Only says what would come in. */
  dryRun?: boolean | undefined
}

/** What is fetched. */
export interface SyncOptions extends AskOptions {
  /** Everything anew. */
  full?: boolean | undefined
  /** Only the folder of the Nexus. */
  thisDirectory?: boolean | undefined
}

/** What a check of everything has found. */
export interface CheckReport { groups: number; records: number; problems: string[] }
/** What was removed. */
export interface Deleted { sessions: string[]; messages: number }
/** What was written. */
export interface Exported { sessions: number; messages: number; redacted: number; bytes: number }
/** What came in. */
export interface Imported { sessions: number; unchanged: number; messages: number }
/** What came of fetching what is new. */
export interface SyncReport { sessions: number; changed: number; messages: number; failed: string[] }

/** What was found. */
export interface Found {
  messages: FoundMessage[]
  /** Whether there are more. */
  more: boolean
}

const TEXTS = ['text', 'server', 'directory', 'session', 'role', 'model', 'agent', 'tool', 'title']
const NUMBERS = ['costAtLeast', 'costAtMost']
const COUNTS = ['since', 'until', 'limit', 'offset']
const FLAGS = ['hasError', 'hasFile']
const QUERY = [...TEXTS.filter((name) => name !== 'title'), ...NUMBERS, ...COUNTS, ...FLAGS, 'order']
const SESSIONS = ['server', 'directory', 'title', 'offset', 'limit']

/** The conversations of one account. */
export class History {
  readonly #native: NativeHistory

  /** @internal */
  constructor(native: NativeHistory) {
    this.#native = native
  }

  /** Searches all messages. */
  async search(query: string | HistoryQuery, options?: AskOptions): Promise<Found> {
    const given = typeof query === 'string' ? { text: query } : query
    return this.#ask({ ask: 'search', query: checked(given, QUERY) }, options)
  }

  /** Sessions, the one that changed last first. */
  async sessions(query?: StoredSessionQuery, options?: AskOptions): Promise<StoredSession[]> {
    return this.#ask({ ask: 'sessions', query: checked(query, SESSIONS) }, options)
  }

  /** A whole conversation; `server` tells two apart that have the same identifier. */
  async conversation(session: string, server?: string, options?: AskOptions): Promise<StoredConversation> {
    const of = { session: check.word(session, 'session'), server: check.optional(server, 'server', check.word) }
    return this.#ask({ ask: 'conversation', ...of }, options)
  }

  /** How much is stored, of which servers. */
  async status(options?: AskOptions): Promise<HistoryStatus> {
    return this.#ask({ ask: 'status' }, options)
  }

  /** Opens everything that is stored and checks it. */
  async check(options?: AskOptions): Promise<CheckReport> {
    return this.#ask({ ask: 'check' }, options)
  }

  /** Removes sessions for good. */
  async delete(sessions: string | readonly string[], options?: AskOptions): Promise<Deleted> {
    const given = typeof sessions === 'string' ? [sessions] : sessions
    return this.#ask({ ask: 'delete', sessions: check.list(given, 'sessions', check.word) }, options)
  }

  /** Writes a file. */
  async export(file: string, options?: ExportOptions): Promise<Exported> {
    const given = check.options(options, 'options', ['format', 'sessions', 'redact', 'passphrase', 'signal'])
    const format = check.optional(given['format'], 'options.format', check.oneOf('jsonl', 'markdown'))
    const sessions = check.optional(given['sessions'], 'options.sessions', (value, name) => check.list(value, name, check.word))
    const ask = {
      ask: 'export',
      file: resolve(check.word(file, 'file')),
      markdown: format === 'markdown',
      sessions: sessions ?? [],
      redact: check.optional(given['redact'], 'options.redact', check.flag) ?? false,
      passphrase: check.optional(given['passphrase'], 'options.passphrase', check.word),
    }
    return this.#ask(ask, { signal: given['signal'] })
  }

  /** Reads a file that {@link export} has written. It is all or nothing. */
  async importFile(file: string, options?: ImportOptions): Promise<Imported> {
    const given = check.options(options, 'options', ['passphrase', 'dryRun', 'signal'])
    const ask = {
      ask: 'import',
      file: resolve(check.word(file, 'file')),
      passphrase: check.optional(given['passphrase'], 'options.passphrase', check.word),
      dryRun: check.optional(given['dryRun'], 'options.dryRun', check.flag) ?? false,
    }
    return this.#ask(ask, { signal: given['signal'] })
  }

  /** Fetches what is new on the server of the Nexus. */
  async sync(options?: SyncOptions): Promise<SyncReport> {
    const given = check.options(options, 'options', ['full', 'thisDirectory', 'signal'])
    const ask = {
      ask: 'sync',
      full: check.optional(given['full'], 'options.full', check.flag) ?? false,
      thisDirectory: check.optional(given['thisDirectory'], 'options.thisDirectory', check.flag) ?? false,
    }
    return this.#ask(ask, { signal: given['signal'] })
  }

  async #ask<T>(ask: object, given: unknown): Promise<T> {
    const { signal } = check.options(given, 'options', ['signal'])
    const json = JSON.stringify(ask)
    return thisPort().ask<T>((number) => this.#native.ask(number, json), check.optional(signal, 'options.signal', check.signal))
  }
}

/** How the history stands. */
export interface HistoryStatus {
  usage: Record<string, number>
  /** Servers from which something is stored, and when each was last synchronised whole (Unix milliseconds). */
  servers: [string, number | null][]
  /** Prompts that wait to be sent. */
  outbox: number
}

function checked(given: unknown, known: string[]): object {
  const query = check.options(given, 'query', known)
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue
    const full = `query.${name}`
    if (TEXTS.includes(name)) check.text(value, full)
    else if (NUMBERS.includes(name)) check.number(value, full)
    else if (COUNTS.includes(name)) check.count(value, full)
    else if (FLAGS.includes(name)) check.flag(value, full)
    else check.oneOf('relevance', 'newest')(value, full)
  }
  return query
}
