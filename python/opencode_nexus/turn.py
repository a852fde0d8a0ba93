"""A running turn: what happens between a prompt and its end."""

from __future__ import annotations

from ._answer import is_prompt, whole
from ._asks import answered
from ._requests import load
from .events import chat_event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any, Optional

    from . import _native as core
    from ._asks import Asks
    from .events import ChatEvent
    from .records import TurnOutcome

_MOST = 256
"""So many events cross the border at once at most."""


class Turn:
    """A running turn: an iterator of its events, which ends when the turn has ended.

    A turn that is let go of before its end is stopped: by leaving the ``with`` block, by ``break`` out of
    ``for event in chat.prompt(...)``, by an exception. ``detach()`` lets it go on alone. The text of the prompt itself is not told
    here; ``chat.events()`` tells it.
    """

    __slots__ = ("_native", "_asks", "_batch", "_outcome", "__weakref__")

    def __init__(self, native: core.Turn, asks: Asks) -> None:
        self._native = native
        self._asks = asks
        self._batch: Iterator[Any] = iter(())
        self._outcome: Optional[TurnOutcome] = None

    @property
    def message_id(self) -> str:
        """The prompt's message."""
        return self._native.message_id

    @property
    def outcome(self) -> Optional[TurnOutcome]:
        """How it ended; ``None`` while it runs, or when its end was not read."""
        return self._outcome

    def __iter__(self) -> Turn:
        return self

    def __next__(self) -> ChatEvent:
        while True:
            for fields in self._batch:
                if not is_prompt(fields, self._native.message_id):
                    return self._told(fields)
            answer = self._native.next(_MOST).wait()
            if answer is None:
                raise StopIteration
            self._batch = iter(load(answer))

    def _told(self, fields: dict[str, Any]) -> ChatEvent:
        ask = self._asks.of(fields)
        if ask is not None:
            answered(ask)
        event = chat_event(fields)
        if event.type == "turn_ended" and event.message_id == self._native.message_id:
            self._outcome = event.outcome
        return event

    @property
    def answer(self) -> str:
        """What the agent has answered by now; see ``text``."""
        return self._native.answer()

    def finish(self) -> TurnOutcome:
        """Waits for the end, letting all events go. A turn that failed on the server raises nothing: ask the outcome."""
        for _ in self:
            pass
        if self._outcome is None:
            from .errors import AbortedError

            raise AbortedError("the conversation was closed before the turn ended")
        return self._outcome

    def text(self) -> str:
        """Waits for the end, and gives the answer: the text of the agent's messages, joined.

        Raises what ``finish`` does; ``ProviderError`` when the turn failed, ``AbortedError`` when it was stopped. ``answer`` has what
        was said until then.
        """
        outcome = self.finish()
        return whole(self.answer, outcome)

    def abort(self) -> None:
        """Asks the server to stop it. Its last events still come. Other threads may call it while one iterates."""
        self._native.abort().wait()

    def detach(self) -> None:
        """Lets it go on without being watched."""
        self._native.detach()

    def close(self) -> None:
        """Stops it without waiting for its end. Does nothing after the end."""
        self._native.leave()

    def __enter__(self) -> Turn:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "running" if self._outcome is None else self._outcome.kind
        return f"<Turn {self.message_id} {state}>"
