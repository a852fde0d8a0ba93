// How a conversation is opened, checked and written as native code reads it.

import * as check from './check.js'
import type { Conversation } from './conversation.js'
import type { Permission, PermissionReply, Question } from './model.js'

/** What is known beside a request. */
export interface AskContext {
  conversation: Conversation
  /** Is aborted when the request is settled otherwise, or its turn is over. */
  signal: AbortSignal
}

/** Answers permission requests: `true` is `'once'`, `false` is `'reject'`. What it throws denies the request and ends the turn. */
export type OnPermission = (
  permission: Permission,
  context: AskContext,
) => PermissionReply | boolean | Promise<PermissionReply | boolean>

/** Answers questions: the labels chosen, a list for each item; one text for a single item; `null` refuses to answer. */
export type OnQuestion = (
  question: Question,
  context: AskContext,
) => string | string[][] | null | Promise<string | string[][] | null>

/** A rule for permissions; `*` stands for any run of characters. */
export interface Rule {
  /** `bash`, `edit`, … */
  action: string
  /** `git *`, `src/*`, … */
  pattern: string
  decision: 'ask' | 'allow' | 'deny'
}

/** How a conversation is opened. */
export interface ConversationOptions {
  /** The folder in which the agent works. Default: that of the Nexus. */
  directory?: string | undefined
  /** A session that exists. Without one a new one is made. */
  session?: string | undefined
  /** The title of a new session. */
  title?: string | undefined
  /** What holds for permissions where no rule matches. Default `'ask'`. */
  permissions?: 'ask' | 'allow' | 'deny' | undefined
  /** Rules for permissions; the last one that matches decides. */
  rules?: readonly Rule[] | undefined
  /** What becomes of questions. Default `'ask'`. */
  questions?: 'ask' | 'deny' | undefined
  /** Answers what the rules leave open. Without it, answer `permission_asked` by `replyPermission`. */
  onPermission?: OnPermission | undefined
  /** Answers questions. Without it, answer `question_asked` by `answerQuestion`. */
  onQuestion?: OnQuestion | undefined
  /** How long an answer may take, in seconds; then it is no. `null` waits for ever. Default 30 minutes. */
  answerWithin?: number | null | undefined
  /** A turn is given up when the server cannot be reached for this long, in seconds. Default 300. */
  giveUp?: number | undefined
  /** How long opening may take, in seconds. Default 30. */
  openWithin?: number | undefined
  /** Gives opening up. */
  signal?: AbortSignal | undefined
}

const KNOWN = [
  'directory', 'session', 'title', 'permissions', 'rules', 'questions', 'onPermission', 'onQuestion', 'answerWithin', 'giveUp',
  'openWithin', 'signal',
]

/**
 * An opening as native code reads it, and what stays here.
 *
 * @internal
 */
export function opening(given: unknown) {
  const options = check.options(given, 'options', KNOWN)
  const decision = check.oneOf('ask', 'allow', 'deny')
  const within = options['answerWithin']
  const json = JSON.stringify({
    session: check.optional(options['session'], 'options.session', check.word),
    title: check.optional(options['title'], 'options.title', check.text),
    permissions: check.optional(options['permissions'], 'options.permissions', decision),
    rules: check.optional(options['rules'], 'options.rules', (value, name) => check.list(value, name, rule)),
    questions: check.optional(options['questions'], 'options.questions', check.oneOf('ask', 'deny')),
    answerWithin: within === null ? null : check.optional(within, 'options.answerWithin', check.seconds),
    giveUp: check.optional(options['giveUp'], 'options.giveUp', check.seconds),
    openWithin: check.optional(options['openWithin'], 'options.openWithin', check.seconds),
  })
  return {
    json,
    directory: check.optional(options['directory'], 'options.directory', check.word),
    onPermission: check.optional(options['onPermission'], 'options.onPermission', check.callback<OnPermission>),
    onQuestion: check.optional(options['onQuestion'], 'options.onQuestion', check.callback<OnQuestion>),
    signal: check.optional(options['signal'], 'options.signal', check.signal),
  }
}

function rule(value: unknown, name: string): Rule {
  const given = check.options(value, name, ['action', 'pattern', 'decision'])
  return {
    action: check.word(given['action'], `${name}.action`),
    pattern: check.text(given['pattern'], `${name}.pattern`),
    decision: check.oneOf('ask', 'allow', 'deny')(given['decision'], `${name}.decision`),
  }
}

/**
 * The answer to a permission request as native code reads it.
 *
 * @internal
 */
export function permissionReply(value: unknown, name: string): PermissionReply {
  if (typeof value === 'boolean') return value ? 'once' : 'reject'
  if (typeof value === 'object' && value !== null) {
    return { reject: check.text(check.options(value, name, ['reject'])['reject'], `${name}.reject`) }
  }
  return check.oneOf('once', 'always', 'reject')(value, name)
}

/**
 * The answer to a question as native code reads it; `null` refuses.
 *
 * @internal
 */
export function questionAnswers(value: unknown, name: string, items: number): string[][] | null {
  if (value === null) return null
  if (typeof value === 'string') {
    if (items !== 1) throw new TypeError(`${name} must be a list for each of the ${items} questions, not one text`)
    return [[check.text(value, name)]]
  }
  return check.list(value, name, (one, its) => check.list(one, its, check.text))
}
