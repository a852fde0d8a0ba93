// What is stored on this machine: searched and read without the server.

import * as check from './check.js'
import type { AskOptions } from './conversation.js'
import type { Message, Session } from './model.js'

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
  /** Why it was found: a piece of its text, and which ranges of it are hits. */
  snippet: Snippet
  /** The better the larger. */
  score: number
}

/** A piece of a text with its hits, as ranges of bytes of its UTF-8. */
export interface Snippet {
  text: string
  hits: { start: number; end: number }[]
}

/** What was found. */
export interface Found {
  messages: FoundMessage[]
  /** Whether there are more. */
  more: boolean
}

type Ask = <T>(ask: object, options: AskOptions | undefined) => Promise<T>

const TEXTS = ['text', 'server', 'directory', 'session', 'role', 'model', 'agent', 'tool', 'title']
const NUMBERS = ['costAtLeast', 'costAtMost']
const COUNTS = ['since', 'until', 'limit', 'offset']
const FLAGS = ['hasError', 'hasFile']
const QUERY = [...TEXTS.filter((name) => name !== 'title'), ...NUMBERS, ...COUNTS, ...FLAGS, 'order']
const SESSIONS = ['server', 'directory', 'title', 'offset', 'limit']

/** The encrypted history of the account. Every call is an error `user.configuration` when Nexus was opened without one. */
export class History {
  readonly #ask: Ask

  /** @internal */
  constructor(ask: Ask) {
    this.#ask = ask
  }

  /** Searches all messages. */
  async search(query: string | HistoryQuery, options?: AskOptions): Promise<Found> {
    const given = typeof query === 'string' ? { text: query } : query
    return this.#ask({ ask: 'historySearch', query: checked(given, QUERY) }, options)
  }

  /** Sessions, the one that changed last first. */
  async sessions(query?: StoredSessionQuery, options?: AskOptions): Promise<StoredSession[]> {
    return this.#ask({ ask: 'historySessions', query: checked(query, SESSIONS) }, options)
  }

  /** A whole conversation; `server` tells two apart that have the same identifier. */
  async conversation(session: string, server?: string, options?: AskOptions): Promise<StoredConversation> {
    const of = { session: check.word(session, 'session'), server: check.optional(server, 'server', check.word) }
    return this.#ask({ ask: 'historyConversation', ...of }, options)
  }

  /** How much is stored, of which servers. */
  async status(options?: AskOptions): Promise<HistoryStatus> {
    return this.#ask({ ask: 'historyStatus' }, options)
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
