"""Everything that happens in a conversation, whoever causes it, for asyncio."""

from __future__ import annotations

from .._requests import load
from ..events import chat_event
from ._loop import Fetch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from .. import _native as core
    from ..events import ChatEvent


class AsyncFeed:
    """An asynchronous iterator over what happens in a conversation from now on; it ends when the conversation is closed."""

    __slots__ = ("_fetch", "_batch")

    def __init__(self, native: core.Feed) -> None:
        self._fetch = Fetch(lambda: native.next(256))
        self._batch: Iterator[Any] = iter(())

    def __aiter__(self) -> AsyncFeed:
        return self

    async def __anext__(self) -> ChatEvent:
        while True:
            for fields in self._batch:
                return chat_event(fields)
            answer = await self._fetch.next()
            if answer is None:
                raise StopAsyncIteration
            self._batch = iter(load(answer))

    def __del__(self) -> None:
        fetch = getattr(self, "_fetch", None)
        if fetch is not None:
            fetch.leave()
