"""The events of a server in its own words."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType
    from typing import Optional, Union

    from . import _native as core
    from ._native import Event


def connection_event(kind: str, reason: str = "") -> Event:
    """An event of ours between those of the server: the connection was lost (``nexus.disconnected``), or stands again
    (``nexus.connected``; events may be missing before it)."""
    from json import dumps

    from ._native import Event

    return Event(dumps({"type": kind, "properties": {"reason": reason} if reason else {}}))


def _told(native: core.Events, batch: list[Event]) -> Generator[Event, None, None]:
    while True:
        yield from batch
        answer = native.next().wait()
        if answer is None:
            return
        batch = batch_of(answer)


def batch_of(answer: Union[str, list[Event]]) -> list[Event]:
    """The events of an answer; what it says about the connection is one as well."""
    if isinstance(answer, str):
        return [connection_event("nexus.disconnected", answer)]
    return answer or [connection_event("nexus.connected")]


class Events:
    """An iterator over the server's events from the moment it was made. Nothing is dropped on this side: the server is read as fast
    as events are taken. ``close()`` it, or let go of it."""

    __slots__ = ("_iterator",)

    def __init__(self, native: core.Events) -> None:
        # The stream stands when this returns: what happens from now on is in it.
        while not isinstance(first := native.next().wait(), list):
            if first is None:
                break
        self._iterator = _told(native, first or [])

    def __iter__(self) -> Iterator[Event]:
        return self._iterator

    def __next__(self) -> Event:
        return next(self._iterator)

    def close(self) -> None:
        """Ends it."""
        self._iterator.close()

    def __enter__(self) -> Events:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
