// The package: everything that a program can name. `index.mts` is the same for ECMAScript modules.

/// <reference lib="esnext.disposable" preserve="true" />

export { Nexus } from './nexus.js'
export type {
  ConnectOptions, FolderOptions, LocalOptions, Progress, ServerInfo, SessionsOptions,
} from './nexus.js'
export { Conversation } from './conversation.js'
export type { AskOptions } from './conversation.js'
export type { AskContext, ConversationOptions, OnPermission, OnQuestion, Rule } from './opening.js'
export { Turn } from './turn.js'
export { Feed } from './feed.js'
export { EventStream, RawEvent } from './raw.js'
export * as accounts from './accounts.js'
export type { Account, NewAccount } from './accounts.js'
export { History } from './history.js'
export type {
  CheckReport, Deleted, ExportOptions, Exported, ImportOptions, Imported, SyncOptions, SyncReport,
  Found, FoundMessage, HistoryQuery, HistoryStatus, Snippet, StoredConversation, StoredSession, StoredSessionQuery,
} from './history.js'
export type { ContextItem, ContextProvider, GivenContext } from './providers.js'
export type { ActOptions, Piece, PromptInput, PromptOptions } from './prompt.js'
export type * from './model.js'
export type * from './events.js'
export type { CallOptions, WebSocketTarget } from './api/call.js'
export { Api } from './api/v1.js'
export { Api as ApiV2 } from './api/v2.js'
export type * as v1 from './api/v1-types.js'
export type * as v2 from './api/v2-types.js'
export {
  AbortedError, BlockedError, BusyError, ConfigurationError, ConflictError, DamagedError, ERRORS, ForbiddenError,
  GapNotRecoveredError, IncompatibleError, InternalError, InvalidInputError, FileError, KeyringError, LocalServerError,
  LockedError, LockedOutError, NewerFormatError, NexusError, NotFoundError, PluginError, ProtocolError, ProviderError,
  RecoveryError, SecurityError, ServerError, StorageError, SystemFailure, TimedOutError, TlsError, TooLargeError,
  TurnLostError, UnauthorizedError, UnreachableError, UnsupportedError, UserError, WrongPassphraseError,
} from './errors.js'
export type { NexusErrorInit } from './errors.js'
