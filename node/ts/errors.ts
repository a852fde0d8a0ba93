// What can go wrong, as classes: one for each kind of error of the core, in four groups, under `NexusError`.

/** What an error is made of. */
export interface NexusErrorInit {
  /** The stable code, `group.kind`. */
  code: string
  /** One line. */
  message: string
  /** What to do. */
  hint?: string | null
  /** The operation that failed. */
  operation?: string | null
  /** Whether the same may be tried again. */
  retryable?: boolean
  /** In how many seconds, where the server named a time. */
  retryAfter?: number | null
  /** Everything that is known, with the causes. */
  report?: string
  cause?: unknown
}

/** Marks our errors, also those of another copy of this package. */
const MARK = Symbol.for('opencode-nexus.error')

/** Something went wrong in OpenCode Nexus or in the server. */
export class NexusError extends Error {
  /** The stable code, `group.kind`, for example `system.unreachable`; the same in Rust, Python and Node. */
  readonly code: string
  /** What a person should do, if there is something. */
  readonly hint: string | null
  /** The operation that failed, for example `session.create`. */
  readonly operation: string | null
  /** Whether the same may be tried again. */
  readonly retryable: boolean
  /** In how many seconds, where the server named a time. */
  readonly retryAfter: number | null
  /** Everything that is known, with the causes; several lines, without secrets. */
  declare readonly report: string

  constructor(init: NexusErrorInit) {
    const operation = init.operation ? `${init.operation}: ` : ''
    const hint = init.hint ? `; ${init.hint}` : ''
    super(`${operation}${init.message}${hint} [${init.code}]`, 'cause' in init ? { cause: init.cause } : undefined)
    this.code = init.code
    this.hint = init.hint ?? null
    this.operation = init.operation ?? null
    this.retryable = init.retryable ?? false
    this.retryAfter = init.retryAfter ?? null
    // They are for who asks; the console shows the rest.
    Object.defineProperty(this, 'report', { value: init.report ?? this.message, enumerable: false })
    Object.defineProperty(this, MARK, { value: true, enumerable: false })
  }

  /** The name of the class. */
  override get name(): string {
    return this.constructor.name
  }

  /** Whether something is one of our errors, also when it was made by another copy of this package. */
  static is(value: unknown): value is NexusError {
    return typeof value === 'object' && value !== null && MARK in value
  }
}

/** Something that the caller can change. */
export class UserError extends NexusError {}
/** Something in the system around us: network, server, disk. */
export class SystemFailure extends NexusError {}
/** Something about who may do what. */
export class SecurityError extends NexusError {}
/** Something is missing that should be there. */
export class RecoveryError extends NexusError {}

/** A value that was given cannot be used. */
export class InvalidInputError extends UserError {}
/** Configuration or environment is wrong. */
export class ConfigurationError extends UserError {}
/** The thing asked for does not exist on the server. */
export class NotFoundError extends UserError {}
/** The session is busy with another turn. */
export class BusyError extends UserError {}
/** The operation collides with the state of the server. */
export class ConflictError extends UserError {}
/** This line of OpenCode has no such thing. */
export class UnsupportedError extends UserError {}
/** Somebody stopped it, or it was closed. */
export class AbortedError extends UserError {}
/** A hook on prompts does not let it be sent. */
export class BlockedError extends UserError {}
/** No connection. */
export class UnreachableError extends SystemFailure {}
/** A phase took longer than its bound. */
export class TimedOutError extends SystemFailure {}
/** The peer sent what the protocol does not know. */
export class ProtocolError extends SystemFailure {}
/** One event or answer is larger than the limit. */
export class TooLargeError extends SystemFailure {}
/** The server itself failed. */
export class ServerError extends SystemFailure {}
/** The model's provider failed. */
export class ProviderError extends SystemFailure {}
/** What listens there is no OpenCode server that this version can speak to. */
export class IncompatibleError extends SystemFailure {}
/** A local OpenCode could not be found, installed or started. */
export class LocalServerError extends SystemFailure {}
/** A file or process operation failed. */
export class FileError extends SystemFailure {}
/** The disk is full, or the folder cannot be written. */
export class StorageError extends SystemFailure {}
/** What is stored was written by a newer version. */
export class NewerFormatError extends SystemFailure {}
/** A plugin or a provider of context failed. */
export class PluginError extends SystemFailure {}
/** A defect in OpenCode Nexus. */
export class InternalError extends SystemFailure {}
/** Wrong or missing credentials. */
export class UnauthorizedError extends SecurityError {}
/** The credentials are good but not for this. */
export class ForbiddenError extends SecurityError {}
/** Certificate or handshake. */
export class TlsError extends SecurityError {}
/** The history is locked: nobody is logged in. */
export class LockedError extends SecurityError {}
/** The passphrase or recovery key is wrong. */
export class WrongPassphraseError extends SecurityError {}
/** Too many failed attempts; `retryAfter` says how long to wait. */
export class LockedOutError extends SecurityError {}
/** The keyring of the operating system does not help. */
export class KeyringError extends SecurityError {}
/** Events were missed and the state could not be read again. */
export class GapNotRecoveredError extends RecoveryError {}
/** The server never said how the turn ended. */
export class TurnLostError extends RecoveryError {}
/** What is stored is not what was written. */
export class DamagedError extends RecoveryError {}

/** The class of each code. */
export const ERRORS: Readonly<Record<string, new (init: NexusErrorInit) => NexusError>> = {
  'user.invalid_input': InvalidInputError,
  'user.configuration': ConfigurationError,
  'user.not_found': NotFoundError,
  'user.busy': BusyError,
  'user.conflict': ConflictError,
  'user.unsupported': UnsupportedError,
  'user.aborted': AbortedError,
  'user.blocked': BlockedError,
  'system.unreachable': UnreachableError,
  'system.timeout': TimedOutError,
  'system.protocol': ProtocolError,
  'system.too_large': TooLargeError,
  'system.server': ServerError,
  'system.provider': ProviderError,
  'system.incompatible': IncompatibleError,
  'system.local_server': LocalServerError,
  'system.io': FileError,
  'system.storage': StorageError,
  'system.newer_format': NewerFormatError,
  'system.plugin': PluginError,
  'system.internal': InternalError,
  'security.unauthorized': UnauthorizedError,
  'security.forbidden': ForbiddenError,
  'security.tls': TlsError,
  'security.locked': LockedError,
  'security.wrong_passphrase': WrongPassphraseError,
  'security.locked_out': LockedOutError,
  'security.keyring': KeyringError,
  'recovery.gap_not_recovered': GapNotRecoveredError,
  'recovery.turn_lost': TurnLostError,
  'recovery.damaged': DamagedError,
}

const GROUPS: Readonly<Record<string, new (init: NexusErrorInit) => NexusError>> = {
  user: UserError,
  system: SystemFailure,
  security: SecurityError,
  recovery: RecoveryError,
}

/**
 * The error that native code describes.
 *
 * @internal
 */
export function toError(json: string): NexusError {
  const init = JSON.parse(json) as NexusErrorInit
  const known = ERRORS[init.code] ?? GROUPS[init.code.split('.')[0] ?? ''] ?? NexusError
  return new known(init)
}

/**
 * The same error, whose stack says who waits for it here: it came from native code, which knows nothing of that.
 *
 * @internal
 */
export function traced(error: unknown): unknown {
  if (NexusError.is(error)) Error.captureStackTrace(error, traced)
  return error
}
