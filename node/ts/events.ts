// What a conversation tells: differences, each told once. Text is told only by `text` and `text_replaced`: all deltas of a part joined
// (from the last replacement on) are its text on the server, under any network fault.

import type {
  FileDiff, Json, Message, Part, Permission, Question, Session, Status, Todo, TurnError, TurnOutcome,
} from './model.js'

/** The session is new to us or has changed. */
export interface SessionEvent { type: 'session'; session: Session }
/** The session does something else now. */
export interface StatusEvent { type: 'status'; status: Status }
/** A message is new or has changed; its parts come by themselves. */
export interface MessageEvent { type: 'message'; message: Message }
/** A prompt waits at the server. */
export interface QueuedEvent { type: 'queued'; message: Message }
/** A prompt that waited was taken back. */
export interface WithdrawnEvent { type: 'withdrawn'; messageId: string }
/** A message is gone. */
export interface MessageRemovedEvent { type: 'message_removed'; messageId: string }
/** A part is new or has changed. The text of a text or reasoning part is empty here. */
export interface PartEvent { type: 'part'; part: Part }
/** More text of a part. */
export interface TextEvent {
  type: 'text'
  messageId: string
  partId: string
  /** Whether it is an answer or a thought. */
  kind: 'text' | 'reasoning'
  /** What to append. */
  delta: string
}
/** The text of a part is not a continuation of what was told: this is all of it. */
export interface TextReplacedEvent {
  type: 'text_replaced'
  messageId: string
  partId: string
  kind: 'text' | 'reasoning'
  text: string
}
/** A part is gone. */
export interface PartRemovedEvent { type: 'part_removed'; messageId: string; partId: string }
/** The agent asks for a permission and waits. */
export interface PermissionAskedEvent { type: 'permission_asked'; permission: Permission }
/** A permission request is settled. */
export interface PermissionClosedEvent {
  type: 'permission_closed'
  id: string
  /** `null` when the server did not say. */
  reply: 'once' | 'always' | { reject: { message: string | null } } | null
}
/** The agent asks something and waits. */
export interface QuestionAskedEvent { type: 'question_asked'; question: Question }
/** A question is settled. */
export interface QuestionClosedEvent {
  type: 'question_closed'
  id: string
  /** `null` when it was rejected or the server did not say. */
  answers: string[][] | null
}
/** The agent's list of things to do; all of it. */
export interface TodosEvent { type: 'todos'; todos: Todo[] }
/** The files that the session has changed; all of them. */
export interface DiffEvent { type: 'diff'; files: FileDiff[] }
/** The server reports an error of this session. If it ends the turn, `turn_ended` follows. */
export interface ErrorEvent { type: 'error'; error: TurnError }
/** The session was deleted. */
export interface SessionRemovedEvent { type: 'session_removed' }
/** Something in the session of a sub-agent. */
export interface ChildEvent { type: 'child'; sessionId: string; event: ChatEvent }
/** The connection was lost and is being made again. Nothing that was told becomes untrue by that. */
export interface ReconnectingEvent { type: 'reconnecting'; reason: string }
/** The connection stands and what was missed has been told. */
export interface RecoveredEvent { type: 'recovered' }
/** This reader was too slow; read the transcript anew. */
export interface LaggedEvent { type: 'lagged'; missed: number }
/** A turn is over. */
export interface TurnEndedEvent { type: 'turn_ended'; messageId: string; outcome: TurnOutcome }
/** Anything else, untouched. */
export interface OtherEvent { type: 'other'; kind: string; raw: Json }

/** One difference of a conversation; `type` says which. */
export type ChatEvent =
  | SessionEvent
  | StatusEvent
  | MessageEvent
  | QueuedEvent
  | WithdrawnEvent
  | MessageRemovedEvent
  | PartEvent
  | TextEvent
  | TextReplacedEvent
  | PartRemovedEvent
  | PermissionAskedEvent
  | PermissionClosedEvent
  | QuestionAskedEvent
  | QuestionClosedEvent
  | TodosEvent
  | DiffEvent
  | ErrorEvent
  | SessionRemovedEvent
  | ChildEvent
  | ReconnectingEvent
  | RecoveredEvent
  | LaggedEvent
  | TurnEndedEvent
  | OtherEvent
