"""The encrypted history: what is stored is searched and read without a server."""

from __future__ import annotations

from . import _arguments as arguments
from . import _requests as requests
from .stored import (
    CheckReport,
    Deleted,
    Exported,
    Found,
    HistoryStatus,
    Imported,
    StoredConversation,
    StoredSession,
    SyncReport,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Literal, Optional, Union

    from . import _native as core
    from ._requests import Path
    from .records import Session


def query(
    text: object,
    names: dict[str, object],
    numbers: dict[str, object],
    costs: dict[str, object],
    flags: dict[str, object],
    order: object,
) -> str:
    """What to look for, as JSON."""
    asked: dict[str, Any] = {"text": arguments.text("text", text)}
    for name, value in names.items():
        if value is not None:
            asked[name] = arguments.identifier(name, value)
    for name, value in numbers.items():
        if value is not None:
            asked[name] = arguments.number(name, value)
    for name, value in costs.items():
        if value is not None:
            asked[name] = arguments.seconds(name, value)
    for name, value in flags.items():
        if value is not None:
            asked[name] = arguments.flag(name, value)
    asked["order"] = arguments.one_of("order", order, ("relevance", "newest"))
    return arguments.encode("query", asked)


def session_query(server: object, directory: Optional[Path], title: object, offset: object, limit: object) -> str:
    """Which sessions, as JSON."""
    return arguments.encode(
        "query",
        {
            "server": arguments.optional("server", server),
            "directory": arguments.path("directory", directory),
            "title": arguments.optional("title", title),
            "offset": arguments.number("offset", offset),
            "limit": arguments.number("limit", limit),
        },
    )


def identifiers(name: str, values: object) -> list[str]:
    """Sessions, by their identifiers."""
    if isinstance(values, str) or hasattr(values, "id"):
        values = [values]
    return [arguments.identifier(f"{name}[{at}]", value) for at, value in enumerate(arguments.items(name, values))]


def connected(nexus: Optional[core.Nexus]) -> core.Nexus:
    """The connection of a history that has one."""
    if nexus is None:
        raise ValueError("this history has no server: use that of a Nexus")
    return nexus


class History:
    """The conversations of one account: ``Nexus.history``, or ``accounts.history()`` without a server."""

    __slots__ = ("_native", "_nexus")

    def __init__(self, native: core.History, nexus: Optional[core.Nexus]) -> None:
        self._native = native
        self._nexus = nexus

    def search(
        self,
        text: str = "",
        *,
        server: Optional[str] = None,
        directory: Optional[str] = None,
        session: Union[str, Session, None] = None,
        role: Optional[Literal["user", "assistant"]] = None,
        model: Optional[str] = None,
        agent: Optional[str] = None,
        tool: Optional[str] = None,
        cost_at_least: Optional[float] = None,
        cost_at_most: Optional[float] = None,
        since: Optional[int] = None,
        until: Optional[int] = None,
        has_error: Optional[bool] = None,
        has_file: Optional[bool] = None,
        order: Literal["relevance", "newest"] = "relevance",
        limit: int = 20,
        offset: int = 0,
    ) -> Found:
        """Searches all messages: words (all of them), ``"phrases"``, ``prefix*``, ``-without``; everything else filters.
        Times are Unix milliseconds, costs US dollars."""
        asked = query(
            text,
            {
                "server": server,
                "directory": directory,
                "session": session,
                "role": role,
                "model": model,
                "agent": agent,
                "tool": tool,
            },
            {"since": since, "until": until, "limit": limit, "offset": offset},
            {"cost_at_least": cost_at_least, "cost_at_most": cost_at_most},
            {"has_error": has_error, "has_file": has_file},
            order,
        )
        return requests.one(Found, self._native.search(asked).wait())

    def sessions(
        self,
        *,
        server: Optional[str] = None,
        directory: Optional[Path] = None,
        title: Optional[str] = None,
        offset: int = 0,
        limit: int = 0,
    ) -> list[StoredSession]:
        """The sessions that are stored, the one that changed last first; a ``limit`` of 0 means all."""
        asked = session_query(server, directory, title, offset, limit)
        return requests.many(StoredSession, self._native.sessions(asked).wait())

    def conversation(self, session: Union[str, Session], *, server: Optional[str] = None) -> StoredConversation:
        """A whole stored conversation."""
        id, server = arguments.identifier("session", session), arguments.optional("server", server)
        return requests.one(StoredConversation, self._native.conversation(id, server).wait())

    def status(self) -> HistoryStatus:
        """How it stands."""
        return requests.one(HistoryStatus, self._native.status().wait())

    def check(self) -> CheckReport:
        """Opens everything and checks it."""
        return requests.one(CheckReport, self._native.check().wait())

    def delete(self, sessions: Union[str, Session, Iterable[Union[str, Session]]]) -> Deleted:
        """Removes sessions with those of their sub-agents for good. They stay on their server."""
        return requests.one(Deleted, self._native.delete(identifiers("sessions", sessions)).wait())

    def export(
        self,
        file: Path,
        *,
        format: Literal["jsonl", "markdown"] = "jsonl",
        sessions: Iterable[Union[str, Session]] = (),
        redact: bool = False,
        passphrase: Optional[str] = None,
    ) -> Exported:
        """Writes a new file, whole or not at all. ``redact`` hides secrets of well-known forms; with a ``passphrase`` it is
        encrypted."""
        path = arguments.path("file", file)
        if path is None:
            raise TypeError("file must be a path, not None")
        markdown = arguments.one_of("format", format, ("jsonl", "markdown")) == "markdown"
        asked = self._native.export(
            path,
            markdown,
            identifiers("sessions", sessions),
            arguments.flag("redact", redact),
            arguments.optional("passphrase", passphrase),
        )
        return requests.one(Exported, asked.wait())

    def import_file(self, file: Path, *, passphrase: Optional[str] = None, dry_run: bool = False) -> Imported:
        """Reads what ``export`` has written as ``jsonl``. It is verified before anything is stored."""
        path = arguments.path("file", file)
        if path is None:
            raise TypeError("file must be a path, not None")
        passphrase, dry_run = arguments.optional("passphrase", passphrase), arguments.flag("dry_run", dry_run)
        return requests.one(Imported, self._native.import_file(path, passphrase, dry_run).wait())

    def sync(self, *, full: bool = False, this_directory: bool = False) -> SyncReport:
        """Fetches what is new on the server."""
        nexus = connected(self._nexus)
        full, only = arguments.flag("full", full), arguments.flag("this_directory", this_directory)
        return requests.one(SyncReport, self._native.sync(nexus, full, only).wait())
