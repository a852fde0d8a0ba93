"""How an event loop waits for the core: one pipe for each loop says that answers are there. No thread of the core touches a loop."""

from __future__ import annotations

import asyncio
import threading
import weakref

from .._native import Completions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    from .._native import Pending

    T = TypeVar("T")


class Waiter:
    """What one event loop waits for."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._completions = Completions()
        self._futures: dict[int, asyncio.Future[Any]] = {}
        try:
            loop.add_reader(self._completions.fileno(), self._ready)
        except (NotImplementedError, AttributeError):
            # Loops that cannot watch a pipe, as that of Windows, are woken by a thread.
            threading.Thread(
                target=_wake, args=(weakref.ref(loop), weakref.ref(self), self._completions), daemon=True
            ).start()

    def start(self, pending: Pending[T]) -> tuple[int, asyncio.Future[T]]:
        """Begins something."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        ticket = self._completions.start(pending)
        self._futures[ticket] = future
        return ticket, future

    def cancel(self, ticket: int) -> None:
        """Nobody waits for it any more. Any thread may say so."""
        if self._futures.pop(ticket, None) is not None:
            self._completions.cancel(ticket)

    def _ready(self) -> None:
        for ticket, is_good, value in self._completions.take():
            future = self._futures.pop(ticket, None)
            if future is None or future.done():
                continue
            if is_good:
                future.set_result(value)
            else:
                future.set_exception(value)


def _wake(
    loop: weakref.ref[asyncio.AbstractEventLoop], waiter: weakref.ref[Waiter], completions: Completions
) -> None:
    while True:
        completions.wait()
        alive, waits = loop(), waiter()
        if alive is None or waits is None:
            return
        done = threading.Event()

        def take(waits: Waiter = waits, done: threading.Event = done) -> None:
            try:
                waits._ready()
            finally:
                done.set()

        try:
            alive.call_soon_threadsafe(take)
        except RuntimeError:
            # It is closed.
            return
        del alive, waits
        done.wait()


_WAITERS: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Waiter] = weakref.WeakKeyDictionary()


def waiter() -> Waiter:
    """That of the loop that runs."""
    loop = asyncio.get_running_loop()
    found = _WAITERS.get(loop)
    if found is None:
        found = _WAITERS[loop] = Waiter(loop)
    return found


async def run(pending: Pending[T]) -> T:
    """Waits for something. When the task is cancelled, the core gives it up as well."""
    waits = waiter()
    ticket, future = waits.start(pending)
    try:
        return await future
    except asyncio.CancelledError:
        waits.cancel(ticket)
        raise


class Fetch:
    """Something that is fetched again and again, such as the next events. A task that is cancelled while it waits loses nothing:
    what was fetched for it is given to the next one that asks."""

    __slots__ = ("_begin", "_waiter", "_ticket", "_future")

    def __init__(self, begin: Any) -> None:
        self._begin = begin
        self._waiter: Waiter | None = None
        self._ticket = 0
        self._future: asyncio.Future[Any] | None = None

    async def next(self) -> Any:
        """The next one."""
        future = self._future
        if future is None:
            self._waiter = waiter()
            self._ticket, future = self._waiter.start(self._begin())
            self._future = future
        try:
            # The shield is what is cancelled, not what is fetched.
            answer = await asyncio.shield(future)
        except asyncio.CancelledError:
            # A traceback may live long; it must not keep alive what is fetched from.
            del self, future
            raise
        if self._future is future:
            self._future = None
        return answer

    def leave(self) -> None:
        """Nobody asks any more."""
        future, self._future = self._future, None
        if future is not None and self._waiter is not None:
            self._waiter.cancel(self._ticket)
