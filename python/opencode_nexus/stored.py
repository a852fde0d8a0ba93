"""What a history and the accounts of this machine say, as objects. See ``records``."""

from __future__ import annotations

from ._record import Record, list_of
from .records import Message, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


class StoredSession(Record):
    """A session as it is stored."""

    __slots__ = ()
    _nested = {"session": Session}
    server: str
    session: Session
    stored: int


class StoredConversation(Record):
    """A whole stored conversation."""

    __slots__ = ()
    _nested = {"session": Session, "messages": list_of(Message)}
    server: str
    session: Session
    stored: int
    messages: list[Message]


class Snippet(Record):
    """Why a message was found: pieces in order, each with whether it is what was looked for."""

    __slots__ = ()
    pieces: list[tuple[str, bool]]
    cut_before: bool
    cut_after: bool

    def __str__(self) -> str:
        text = "".join(piece for piece, _ in self.pieces)
        return f"{'…' if self.cut_before else ''}{text}{'…' if self.cut_after else ''}"


class FoundMessage(Record):
    """A message that was found."""

    __slots__ = ()
    _nested = {"session": StoredSession, "message": Message, "snippet": Snippet}
    session: StoredSession
    message: Message
    snippet: Snippet
    score: float


class Found(Record):
    """What was found, in order."""

    __slots__ = ()
    _nested = {"messages": list_of(FoundMessage)}
    messages: list[FoundMessage]
    more: bool


class HistoryStatus(Record):
    """How a history stands."""

    __slots__ = ()
    usage: dict[str, Any]
    servers: list[tuple[str, Optional[int]]]
    outbox: int


class CheckReport(Record):
    """What a check of everything that is stored has found."""

    __slots__ = ()
    groups: int
    records: int
    problems: list[str]


class Deleted(Record):
    """What was removed."""

    __slots__ = ()
    sessions: list[str]
    messages: int


class Exported(Record):
    """What was written."""

    __slots__ = ()
    sessions: int
    messages: int
    redacted: int
    bytes: int


class Imported(Record):
    """What came in."""

    __slots__ = ()
    sessions: int
    unchanged: int
    messages: int


class SyncReport(Record):
    """What came of fetching what is new."""

    __slots__ = ()
    sessions: int
    changed: int
    messages: int
    failed: list[str]


class Account(Record):
    """An account of this machine."""

    __slots__ = ()
    name: str
    current: bool
    logged_in: bool
    created: int
    bytes: int


class NewAccount(Record):
    """An account that was made. Keep its recovery key on paper: nobody else has it."""

    __slots__ = ()
    name: str
    logged_in: bool
    not_remembered: Optional[str]
    recovery_key: str

    def __repr__(self) -> str:
        return f"NewAccount(name={self.name!r}, recovery_key=…)"

    def _repr_html_(self) -> str:
        return f"<code>NewAccount {self.name}</code>"
