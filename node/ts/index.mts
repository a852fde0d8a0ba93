// The package for ECMAScript modules: the very same objects as for CommonJS, so that errors and classes are the same in both.

export {
  accounts, Nexus, Conversation, Turn, Feed, EventStream, RawEvent, History, Api, ApiV2, AbortedError, BlockedError, BusyError,
  ConfigurationError, ConflictError, DamagedError, ERRORS, ForbiddenError, GapNotRecoveredError, IncompatibleError,
  InternalError, InvalidInputError, FileError, KeyringError, LocalServerError, LockedError, LockedOutError,
  NewerFormatError, NexusError, NotFoundError, PluginError, ProtocolError, ProviderError, RecoveryError, SecurityError,
  ServerError, StorageError, SystemFailure, TimedOutError, TlsError, TooLargeError, TurnLostError, UnauthorizedError,
  UnreachableError, UnsupportedError, UserError, WrongPassphraseError,
} from './index.js'
export type * from './index.js'
