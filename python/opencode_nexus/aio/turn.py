"""A running turn, for asyncio."""

from __future__ import annotations

import asyncio

from .._answer import is_prompt, whole
from .._asks import Ask
from .._requests import load
from ..events import chat_event
from ._loop import Fetch, run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import TracebackType
    from typing import Any, Optional

    from .. import _native as core
    from .._asks import Asks
    from ..events import ChatEvent
    from ..records import TurnOutcome


class AsyncTurn:
    """A turn: an asynchronous iterator of its events, which ends when the turn has ended.

    It begins when it is awaited, iterated over or entered. A turn that is let go of before its end is stopped: by leaving the
    ``async with`` block, by ``break`` out of ``async for event in chat.prompt(...)``, by cancelling the task, by an exception.
    ``detach()`` lets it go on alone. Where a variable names the turn, it lives as long as that: ``async with`` is certain.
    """

    __slots__ = ("_start", "_is_begun", "_native", "_asks", "_fetch", "_batch", "_outcome", "__weakref__")

    def __init__(self, pending: core.Pending[core.Turn], asks: Asks) -> None:
        self._start: Optional[Fetch] = Fetch(lambda: pending)
        self._is_begun = False
        self._native: Optional[core.Turn] = None
        self._asks = asks
        self._fetch: Optional[Fetch] = None
        self._batch: Iterator[Any] = iter(())
        self._outcome: Optional[TurnOutcome] = None

    async def _started(self) -> core.Turn:
        if self._native is None:
            self._is_begun = True
            if self._start is None:
                raise RuntimeError("the turn was closed before it began, or could not begin")
            try:
                native: core.Turn = await self._start.next()
            except Exception:
                self._start = None
                raise
            except BaseException:
                del self
                raise
            if self._native is None:
                self._native, self._start = native, None
                self._fetch = Fetch(lambda: native.next(256))
        return self._native

    def __await__(self) -> Generator[Any, None, AsyncTurn]:
        yield from self._started().__await__()
        return self

    @property
    def message_id(self) -> str:
        """The prompt's message."""
        if self._native is None:
            raise RuntimeError("the turn has not begun: await it first")
        return self._native.message_id

    @property
    def outcome(self) -> Optional[TurnOutcome]:
        """How it ended; ``None`` while it runs, or when its end was not read."""
        return self._outcome

    def __aiter__(self) -> AsyncTurn:
        return self

    async def __anext__(self) -> ChatEvent:
        try:
            while True:
                for fields in self._batch:
                    if not is_prompt(fields, self.message_id):
                        return await self._told(fields)
                await self._started()
                if self._fetch is None:
                    raise StopAsyncIteration
                answer = await self._fetch.next()
                if answer is None:
                    raise StopAsyncIteration
                self._batch = iter(load(answer))
        except BaseException:
            # A traceback may live long; it must not keep the turn alive.
            del self
            raise

    async def _told(self, fields: dict[str, Any]) -> ChatEvent:
        ask = self._asks.of(fields)
        if ask is not None:
            await answered(ask)
        event = chat_event(fields)
        if event.type == "turn_ended" and event.message_id == self.message_id:
            self._outcome = event.outcome
        return event

    @property
    def answer(self) -> str:
        """What the agent has answered by now; see ``text``."""
        return "" if self._native is None else self._native.answer()

    async def finish(self) -> TurnOutcome:
        """Waits for the end, letting all events go. A turn that failed on the server raises nothing: ask the outcome."""
        try:
            async for _ in self:
                pass
        except asyncio.CancelledError:
            # Who is cancelled keeps the frames of its calls for a while, and with them this turn.
            self.close()
            raise
        if self._outcome is None:
            from ..errors import AbortedError

            raise AbortedError("the conversation was closed before the turn ended")
        return self._outcome

    async def text(self) -> str:
        """Waits for the end, and gives the answer: the text of the agent's messages, joined.

        Raises what ``finish`` does; ``ProviderError`` when the turn failed, ``AbortedError`` when it was stopped. ``answer`` has what
        was said until then.
        """
        outcome = await self.finish()
        return whole(self.answer, outcome)

    async def abort(self) -> None:
        """Asks the server to stop it. Its last events still come. Other tasks may call it while one iterates."""
        await run((await self._started()).abort())

    async def detach(self) -> None:
        """Lets it go on without being watched."""
        (await self._started()).detach()

    def close(self) -> None:
        """Stops it without waiting for its end. Does nothing after the end, and before the beginning it never begins."""
        start, self._start = self._start, None
        if start is not None:
            start.leave()
        if self._native is not None:
            self._native.leave()

    async def __aenter__(self) -> AsyncTurn:
        await self._started()
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __del__(self) -> None:
        start = getattr(self, "_start", None)
        if start is None:
            return
        if self._is_begun:
            # Somebody waited for its beginning and does not any more.
            start.leave()
        else:
            import warnings

            warnings.warn("a prompt was never sent: await it, or iterate over it", RuntimeWarning, source=self)

    def __repr__(self) -> str:
        if self._native is None:
            return "<AsyncTurn not begun>"
        state = "running" if self._outcome is None else self._outcome.kind
        return f"<AsyncTurn {self.message_id} {state}>"


async def answered(ask: Ask) -> None:
    """Lets the callback answer, and waits until that is sent. What the callback raises is raised after a refusal was sent."""
    from ..errors import NexusError

    try:
        said = ask.call()
        if hasattr(said, "__await__"):
            said = await said
        pending = ask.settle(said)
    except BaseException:
        try:
            await run(ask.refuse())
        except (NexusError, RuntimeError):
            # The turn is stopped by whoever hears of it.
            pass
        raise
    await run(pending)
