"""Everything that happens in a conversation, whoever causes it."""

from __future__ import annotations

from ._requests import load
from .events import chat_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from . import _native as core
    from .events import ChatEvent


class Feed:
    """An iterator over what happens in a conversation from now on; it ends when the conversation is closed."""

    __slots__ = ("_native", "_batch")

    def __init__(self, native: core.Feed) -> None:
        self._native = native
        self._batch: Iterator[Any] = iter(())

    def __iter__(self) -> Feed:
        return self

    def __next__(self) -> ChatEvent:
        for fields in self._batch:
            return chat_event(fields)
        answer = self._native.next(256).wait()
        if answer is None:
            raise StopIteration
        self._batch = iter(load(answer))
        return self.__next__()
