// What a conversation is, whichever line of OpenCode the server speaks. Times are Unix milliseconds. What the server says beyond this
// is in `extra`, in its own words.

/** Any JSON. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

/** An object of JSON. */
export interface JsonObject {
  [key: string]: Json
}

/** Names a model. */
export interface ModelRef {
  /** For example `anthropic`. */
  provider: string
  /** The provider's name for the model. */
  model: string
  /** A variant of it, for example a reasoning effort. */
  variant: string | null
}

/** What something cost. */
export interface Usage {
  /** In US dollars. */
  cost: number
  tokens: Tokens
}

/** Tokens, as the server counts them. */
export interface Tokens {
  input: number
  output: number
  reasoning: number
  cacheRead: number
  cacheWrite: number
}

/** One conversation on a server. */
export interface Session {
  id: string
  /** The session whose agent started this one. */
  parentId: string | null
  title: string
  /** The directory in which the agent works. */
  directory: string
  created: number
  updated: number
  /** The agent of the last prompt. */
  agent: string | null
  /** The model of the last prompt. */
  model: ModelRef | null
  usage: Usage | null
  /** The public address, when it is shared. */
  shareUrl: string | null
  /** Set while messages are hidden by a revert. */
  revert: { messageId: string; partId: string | null } | null
  extra: JsonObject
}

/** What a session is doing. Any other word counts as busy. */
export type Status =
  | { type: 'idle' }
  | { type: 'busy' }
  | {
      type: 'retry'
      /** How many attempts have failed. */
      attempt: number
      message: string
      /** When the next one starts. */
      next: number
    }
  | { type: 'other'; word: string }

/** Why something ended badly, in the server's words. */
export interface TurnError {
  /** For example `ProviderAuthError`. */
  name: string
  message: string
  /** Whether it only says that the turn was stopped on request. */
  aborted: boolean
  /** All of it, as the server gave it. */
  raw: Json
}

/** One message with its parts. */
export interface Message {
  id: string
  sessionId: string
  role: 'user' | 'assistant' | (string & {})
  /** The user message that it answers. */
  parentId: string | null
  created: number
  completed: number | null
  agent: string | null
  model: ModelRef | null
  usage: Usage | null
  /** Why the model stopped, in the server's word: `stop`, `tool-calls`, `length`, … */
  finish: string | null
  error: TurnError | null
  /** Empty in chat events: parts come by themselves. */
  parts: Part[]
  extra: JsonObject
}

/** One piece of a message. */
export interface Part {
  id: string
  sessionId: string
  messageId: string
  body: PartBody
  started: number | null
  ended: number | null
  extra: JsonObject
}

/** What a part is. */
export type PartBody =
  | { type: 'text'; text: string; synthetic: boolean; ignored: boolean }
  | { type: 'reasoning'; text: string }
  | ({ type: 'tool' } & ToolCall)
  | { type: 'file'; mime: string; filename: string | null; url: string }
  | { type: 'agent'; name: string }
  | { type: 'subtask'; prompt: string; description: string; agent: string }
  | { type: 'step-start' }
  | { type: 'step-finish'; reason: string; usage: Usage }
  | { type: 'patch'; files: string[] }
  | { type: 'compaction' }
  | { type: 'retry'; attempt: number }
  | { type: 'other'; kind: string }

/** A tool that the agent used. */
export interface ToolCall {
  callId: string
  tool: string
  status: 'streaming' | 'pending' | 'running' | 'completed' | 'error' | (string & {})
  /** As the model wrote it. */
  input: Json
  title: string | null
  output: string | null
  error: string | null
  metadata: Json
  extra: JsonObject
}

/** May the agent do this? */
export interface Permission {
  id: string
  /** The session that asks; a sub-agent's is a child of the conversation's. */
  sessionId: string
  /** In the server's word: `bash`, `edit`, `webfetch`, … */
  action: string
  /** On what: commands, paths, addresses. */
  patterns: string[]
  /** What `always` would allow from now on. */
  always: string[]
  tool: ToolRef | null
  /** Details for a person, for example the diff of an edit. */
  metadata: JsonObject
}

/** The tool call for which something is asked. */
export interface ToolRef {
  messageId: string
  callId: string
}

/** The answer to a permission request; with a reason the agent may try something else. */
export type PermissionReply = 'once' | 'always' | 'reject' | { reject: string }

/** One or more questions that are answered together. */
export interface Question {
  id: string
  sessionId: string
  items: QuestionItem[]
  tool: ToolRef | null
}

/** One question. */
export interface QuestionItem {
  header: string
  question: string
  options: { label: string; description: string }[]
  /** Whether more than one may be chosen. */
  multiple: boolean
  /** Whether an answer of one's own is welcome. */
  custom: boolean
}

/** One entry of the agent's list of things to do. */
export interface Todo {
  content: string
  /** The server's word: `pending`, `in_progress`, `completed`, `cancelled`. */
  status: string
  /** The server's word: `high`, `medium`, `low`. */
  priority: string
}

/** What changed in one file. */
export interface FileDiff {
  /** Relative to the session's directory. */
  path: string
  /** As a unified diff, where the server gives it. */
  patch: string | null
  additions: number
  deletions: number
  status: string | null
}

/** How a turn ended. */
export interface TurnOutcome {
  kind: 'completed' | 'aborted' | 'failed'
  /** Why the model stopped, in the server's word. */
  finish: string | null
  error: TurnError | null
  /** Of all model calls of the turn. */
  usage: Usage
}

/** A conversation as it stands. */
export interface Transcript {
  session: Session | null
  status: Status
  messages: Message[]
  /** Prompts that the server has and that are no messages yet. */
  queued: Message[]
  /** Requests that wait for an answer. */
  permissions: Permission[]
  questions: Question[]
  todos: Todo[]
}

/** Every provider that a server knows. Keys are never among it. */
export interface Catalogue {
  providers: Provider[]
  /** The model of prompts that name none, where the server says it. */
  default: ModelRef | null
}

/** Somebody who runs models. */
export interface Provider {
  id: string
  name: string
  /** Whether the server has what it takes to ask it. */
  usable: boolean
  recommended: string | null
  models: Model[]
}

/** One model of a provider. */
export interface Model {
  provider: string
  id: string
  name: string
  usable: boolean
  status: string
  /** How much it can look at, in tokens; 0 when the server does not know. */
  context: number
  /** How much it can write at once, in tokens; 0 when the server does not know. */
  output: number
  /** US dollars for a million tokens. */
  price: { input: number; output: number; cacheRead: number; cacheWrite: number } | null
  tools: boolean
  images: boolean
  variants: string[]
}

/** Somebody who can answer: a system prompt, a model and permissions under a name. */
export interface Agent {
  name: string
  description: string | null
  /** The server's word: `primary`, `subagent`, `all`. */
  mode: string
  hidden: boolean
  model: ModelRef | null
}

/** A slash command that a server offers. */
export interface SlashCommand {
  /** Without the slash. */
  name: string
  description: string | null
}

/** How an installed plugin stands. */
export interface Plugin {
  id: string
  version: string
  /** `idle` starts when it is needed. */
  state: 'starting' | 'idle' | 'ready' | 'failed' | 'disabled' | (string & {})
  /** What is wrong, in a line. */
  problem: string | null
  /** Where its pages are; with a token, so for the person alone. */
  url: string | null
  /** Its memories and tables together, in bytes, while it runs. */
  memory: number | null
}

/** The configuration of a server, without secrets. */
export interface ServerConfiguration {
  /** What holds in the folder. */
  effective: Json
  /** The part that can be changed through the server. */
  changeable: Json
  model: ModelRef | null
  agent: string | null
}

/** What one line of OpenCode has and the other lacks. */
export interface Capabilities {
  todos: boolean
  sharing: boolean
  systemPrompt: boolean
  subtasks: boolean
  revertParts: boolean
  queue: boolean
  log: boolean
  survivesRejection: boolean
}
