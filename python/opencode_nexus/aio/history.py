"""The encrypted history, for asyncio."""

from __future__ import annotations

from .. import _arguments as arguments
from .. import _requests as requests
from ..history import connected, identifiers, query, session_query
from ..stored import (
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
from ._loop import run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal, Optional, Union

    from .. import _native as core
    from .._requests import Path
    from ..records import Session


class AsyncHistory:
    """The conversations of one account: ``AsyncNexus.history``."""

    __slots__ = ("_native", "_nexus")

    def __init__(self, native: core.History, nexus: Optional[core.Nexus]) -> None:
        self._native = native
        self._nexus = nexus

    async def search(
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
        return requests.one(Found, await run(self._native.search(asked)))

    async def sessions(
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
        return requests.many(StoredSession, await run(self._native.sessions(asked)))

    async def conversation(self, session: Union[str, Session], *, server: Optional[str] = None) -> StoredConversation:
        """A whole stored conversation."""
        id, server = arguments.identifier("session", session), arguments.optional("server", server)
        return requests.one(StoredConversation, await run(self._native.conversation(id, server)))

    async def status(self) -> HistoryStatus:
        """How it stands."""
        return requests.one(HistoryStatus, await run(self._native.status()))

    async def check(self) -> CheckReport:
        """Opens everything and checks it."""
        return requests.one(CheckReport, await run(self._native.check()))

    async def delete(self, sessions: Union[str, Session, Iterable[Union[str, Session]]]) -> Deleted:
        """Removes sessions with those of their sub-agents for good. They stay on their server."""
        return requests.one(Deleted, await run(self._native.delete(identifiers("sessions", sessions))))

    async def export(
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
        return requests.one(Exported, await run(asked))

    async def import_file(self, file: Path, *, passphrase: Optional[str] = None, dry_run: bool = False) -> Imported:
        """Reads what ``export`` has written as ``jsonl``. It is verified before anything is stored."""
        path = arguments.path("file", file)
        if path is None:
            raise TypeError("file must be a path, not None")
        passphrase, dry_run = arguments.optional("passphrase", passphrase), arguments.flag("dry_run", dry_run)
        return requests.one(Imported, await run(self._native.import_file(path, passphrase, dry_run)))

    async def sync(self, *, full: bool = False, this_directory: bool = False) -> SyncReport:
        """Fetches what is new on the server."""
        nexus = connected(self._nexus)
        full, only = arguments.flag("full", full), arguments.flag("this_directory", this_directory)
        return requests.one(SyncReport, await run(self._native.sync(nexus, full, only)))
