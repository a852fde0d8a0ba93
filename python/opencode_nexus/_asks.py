"""What the agent asks, and who answers: callbacks of the program. Whatever a callback does, the request is answered."""

from __future__ import annotations

from . import _requests as requests
from .records import Permission, Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence
    from typing import Any, Callable, Optional, Union

    from . import _native as core
    from ._requests import Reply

    Answers = Union[str, Sequence[Union[str, Sequence[str]]], None]
    OnPermission = Callable[[Permission], Union[Reply, Awaitable[Reply]]]
    OnQuestion = Callable[[Question], Union[Answers, Awaitable[Answers]]]


class Asks:
    """The callbacks of a conversation."""

    __slots__ = ("on_permission", "on_question", "_native")

    def __init__(
        self, native: core.Conversation, on_permission: Optional[OnPermission], on_question: Optional[OnQuestion]
    ) -> None:
        self._native = native
        self.on_permission = on_permission
        self.on_question = on_question

    def of(self, fields: dict[str, Any]) -> Optional[Ask]:
        """What an event asks for and a callback answers."""
        kind = fields["type"]
        while kind == "child":
            fields = fields["event"]
            kind = fields["type"]
        if kind == "permission_asked":
            permission = Permission(fields["permission"])
            return self._asked(permission, self.on_permission, f"permission for {permission.action}", "on_permission")
        if kind == "question_asked":
            question = Question(fields["question"])
            return self._asked(question, self.on_question, "question", "on_question")
        return None

    def _asked(
        self, asked: Union[Permission, Question], callback: Any, what: str, argument: str
    ) -> Optional[Ask]:
        # Rules may have answered it, or somebody else.
        if not self._native.waits_for_person(asked.session_id, asked.id):
            return None
        if callback is not None:
            return Ask(self._native, asked, callback)
        _unanswered(what, argument)
        return None


def _unanswered(what: str, callback: str) -> None:
    from ._logging import say

    say(
        f"the agent waits for an answer to its {what}: answer the event, give {callback}=, or say what holds with "
        "permissions= and questions="
    )


class Ask:
    """One request. ``call`` gives what the callback says, ``settle`` what is sent for it."""

    __slots__ = ("_native", "_asked", "_callback")

    def __init__(self, native: core.Conversation, asked: Union[Permission, Question], callback: Any) -> None:
        self._native, self._asked, self._callback = native, asked, callback

    def call(self) -> Any:
        """What the callback says; it may have to be awaited."""
        return self._callback(self._asked)

    def settle(self, said: Any) -> core.Pending[bool]:
        """What is sent for it. Raises when the callback has said something that is no answer."""
        if isinstance(self._asked, Permission):
            try:
                reply = requests.reply(said)
            except (TypeError, ValueError) as error:
                raise type(error)(f"on_permission gave no answer: {error}") from None
            return self._native.reply_permission(self._asked.id, reply)
        if said is None:
            return self._native.reject_question(self._asked.id)
        try:
            answers = requests.answers(said)
        except (TypeError, ValueError) as error:
            raise type(error)(f"on_question gave no answer: {error}") from None
        return self._native.answer_question(self._asked.id, answers)

    def refuse(self) -> core.Pending[bool]:
        """No."""
        if isinstance(self._asked, Permission):
            return self._native.reply_permission(self._asked.id, '"reject"')
        return self._native.reject_question(self._asked.id)


def answered(ask: Ask) -> None:
    """Lets the callback answer, and waits until that is sent. What the callback raises is raised after a refusal was sent."""
    from .errors import NexusError

    try:
        said = ask.call()
        if hasattr(said, "__await__"):
            said = run_alone(said)
        pending = ask.settle(said)
    except BaseException:
        try:
            ask.refuse().wait()
        except (NexusError, RuntimeError):
            # The turn is stopped by whoever hears of it.
            pass
        raise
    pending.wait()


def run_alone(awaitable: Awaitable[Any]) -> Any:
    """Runs something for asyncio to its end, also where a loop runs already, as in a notebook."""
    import asyncio

    async def whole() -> Any:
        return await awaitable

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(whole())
    import threading

    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.extend((True, asyncio.run(whole())))
        except BaseException as error:
            outcome.extend((False, error))

    thread = threading.Thread(target=work, name="opencode-nexus-callback", daemon=True)
    thread.start()
    thread.join()
    if outcome[0]:
        return outcome[1]
    raise outcome[1]


