"""The events of a server in its own words, for asyncio."""

from __future__ import annotations

from ..raw import batch_of
from ._loop import Fetch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType
    from typing import Any, Optional

    from .. import _native as core
    from .._native import Event


class AsyncEvents:
    """An asynchronous iterator over the server's events. The stream stands once it was awaited or entered, or when the first
    event is asked for. Nothing is dropped on this side: the server is read as fast as events are taken."""

    __slots__ = ("_fetch", "_batch", "_stands")

    def __init__(self, native: core.Events) -> None:
        self._fetch: Optional[Fetch] = Fetch(native.next)
        self._batch: Iterator[Event] = iter(())
        self._stands = False

    async def _opened(self) -> AsyncEvents:
        while not self._stands and self._fetch is not None:
            answer = await self._fetch.next()
            if not isinstance(answer, str):
                self._stands = True
                self._batch = iter(answer or ())
        return self

    def __await__(self) -> Generator[Any, None, AsyncEvents]:
        return self._opened().__await__()

    def __aiter__(self) -> AsyncEvents:
        return self

    async def __anext__(self) -> Event:
        while True:
            for event in self._batch:
                return event
            if not self._stands:
                await self._opened()
                continue
            answer = None if self._fetch is None else await self._fetch.next()
            if answer is None:
                raise StopAsyncIteration
            self._batch = iter(batch_of(answer))

    def close(self) -> None:
        """Ends it."""
        if self._fetch is not None:
            self._fetch.leave()
            self._fetch = None

    async def __aenter__(self) -> AsyncEvents:
        return await self._opened()

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_fetch", None) is not None:
            self.close()
