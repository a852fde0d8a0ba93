"""What can go wrong: one class for each kind of error of the core, in four groups.

``UserError`` is for what the caller can change, ``SystemFailure`` for what the machine, the network or the server did,
``SecurityError`` for credentials and keys, ``RecoveryError`` for what was lost and could not be had again.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional


class NexusError(Exception):
    """Something could not be done. ``str()`` is one line with the hint and the code."""

    code: str = "system.internal"
    """The stable name of what went wrong, for example ``user.not_found``: the same in every language."""

    message: str
    """One line for a person, without hint and code."""

    hint: Optional[str] = None
    """What a person can do about it."""

    operation: Optional[str] = None
    """What was being done, for example ``session.create``."""

    retryable: bool = False
    """Whether the same may succeed when it is tried again."""

    retry_after: Optional[float] = None
    """After how many seconds it should be tried again; ``None`` when nobody has said so."""

    report: str = ""
    """Everything that is known about it, over several lines. Holds no secrets."""

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message

    def __str__(self) -> str:
        operation = f"{self.operation}: " if self.operation else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{operation}{self.message}{hint} [{self.code}]"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, code={self.code!r})"

    def __reduce__(self) -> tuple[object, ...]:
        return (type(self), (self.message,), self.__dict__)


class UserError(NexusError):
    """The caller can change it."""


class SystemFailure(NexusError):
    """The machine, the network or the server failed."""


class SecurityError(NexusError):
    """Credentials, keys or certificates."""


class RecoveryError(NexusError):
    """Something was lost and could not be had again."""


class InvalidInputError(UserError, ValueError):
    """A value that was given cannot be used."""

    code = "user.invalid_input"


class ConfigurationError(UserError):
    """Configuration or environment is wrong."""

    code = "user.configuration"


class NotFoundError(UserError, LookupError):
    """The thing asked for does not exist."""

    code = "user.not_found"


class BusyError(UserError):
    """The session is busy with another turn."""

    code = "user.busy"


class ConflictError(UserError):
    """It collides with the state of the server: already answered, already there."""

    code = "user.conflict"


class UnsupportedError(UserError):
    """This line of OpenCode has no such thing."""

    code = "user.unsupported"


class AbortedError(UserError):
    """Somebody stopped it, or what it belongs to was closed."""

    code = "user.aborted"


class BlockedError(UserError):
    """A hook on prompts does not let it be sent."""

    code = "user.blocked"


class UnreachableError(SystemFailure, ConnectionError):
    """No connection."""

    code = "system.unreachable"


class TimedOutError(SystemFailure, TimeoutError):
    """It took longer than it may."""

    code = "system.timeout"


class ProtocolError(SystemFailure):
    """The peer sent something that is not what the protocol says."""

    code = "system.protocol"


class TooLargeError(SystemFailure):
    """An event or an answer is larger than the limit."""

    code = "system.too_large"


class ServerError(SystemFailure):
    """The server itself failed."""

    code = "system.server"


class ProviderError(SystemFailure):
    """The model's provider failed."""

    code = "system.provider"


class IncompatibleError(SystemFailure):
    """What listens there is no OpenCode server that this package can speak to."""

    code = "system.incompatible"


class LocalServerError(SystemFailure):
    """A local OpenCode could not be found, installed or started."""

    code = "system.local_server"


class FileError(SystemFailure):
    """A file or process operation failed."""

    code = "system.io"


class StorageError(SystemFailure):
    """The disk is full, or the folder cannot be written."""

    code = "system.storage"


class NewerFormatError(SystemFailure):
    """What is stored was written by a newer version."""

    code = "system.newer_format"


class PluginError(SystemFailure):
    """A plugin or a context provider failed."""

    code = "system.plugin"


class InternalError(SystemFailure):
    """A defect of this package."""

    code = "system.internal"


class UnauthorizedError(SecurityError):
    """Wrong or missing credentials."""

    code = "security.unauthorized"


class ForbiddenError(SecurityError):
    """The credentials are good, but not for this."""

    code = "security.forbidden"


class TlsError(SecurityError):
    """A certificate or the handshake."""

    code = "security.tls"


class LockedError(SecurityError):
    """The history is locked: nobody is logged in."""

    code = "security.locked"


class WrongPassphraseError(SecurityError):
    """The passphrase or recovery key is wrong."""

    code = "security.wrong_passphrase"


class LockedOutError(SecurityError):
    """Too many failed attempts; ``retry_after`` says how long to wait."""

    code = "security.locked_out"


class KeyringError(SecurityError):
    """The keyring of the operating system is locked, absent or silent."""

    code = "security.keyring"


class GapNotRecoveredError(RecoveryError):
    """Events were missed and the state could not be read again."""

    code = "recovery.gap_not_recovered"


class TurnLostError(RecoveryError):
    """The server never said how the turn ended."""

    code = "recovery.turn_lost"


class DamagedError(RecoveryError):
    """What is stored is not what was written."""

    code = "recovery.damaged"


_GROUPS: dict[str, type[NexusError]] = {
    "user": UserError,
    "system": SystemFailure,
    "security": SecurityError,
    "recovery": RecoveryError,
}
KINDS: dict[str, type[NexusError]] = {
    kind.code: kind for group in _GROUPS.values() for kind in group.__subclasses__()
}
"""Each class by its code."""


def from_core(
    code: str,
    message: str,
    hint: Optional[str],
    operation: Optional[str],
    retry: Optional[float],
    report: str,
) -> NexusError:
    """The exception for an error of the core. ``retry``: ``None`` never, 0 at once, otherwise after so many seconds."""
    kind = KINDS.get(code) or _GROUPS.get(code.split(".")[0], NexusError)
    error = kind(message)
    error.code, error.hint, error.operation, error.report = code, hint, operation, report
    error.retryable, error.retry_after = retry is not None, retry or None
    return error
