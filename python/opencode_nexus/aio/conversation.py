"""A conversation, for asyncio."""

from __future__ import annotations

from .. import _arguments as arguments
from .. import _requests as requests
from .._followed import Followed
from ._loop import run
from .feed import AsyncFeed
from ..records import FileDiff, Message, Session, Todo
from .turn import AsyncTurn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Literal, Optional, Union

    from .. import _native as core
    from .._asks import Answers
    from .._requests import Reply
    from ..parts import Prompt
    from ..records import Model, ModelRef, Part, Permission, Question


class AsyncConversation(Followed):
    """One session. ``AsyncNexus.conversation`` opens it. Tasks of one event loop may share it."""

    __slots__ = ()

    def prompt(
        self,
        prompt: Prompt,
        *,
        model: Union[str, Model, ModelRef, None] = None,
        agent: Optional[str] = None,
        system: Optional[str] = None,
        context: Optional[Iterable[str]] = None,
        no_reply: bool = False,
        delivery: Optional[Literal["steer", "queue"]] = None,
        deadline: Optional[float] = None,
    ) -> AsyncTurn:
        """Sends a prompt when the turn that it gives is awaited, iterated over or entered.

        ``prompt`` is a text, or a list of texts and ``parts``. ``context`` goes along, each named as behind an ``@``:
        ``"git-diff"``, ``"src/lib.rs#L3-9"``, or a provider of your own. ``no_reply`` only puts the message into the session.
        ``delivery`` says when it is read while a turn runs already, where the server has a choice. With a ``deadline`` (in
        seconds) the turn is stopped and fails when it takes longer. A prompt is never sent twice.
        """
        said = requests.said(
            prompt,
            model=model,
            agent=agent,
            system=system,
            context=context,
            no_reply=no_reply,
            delivery=delivery,
            deadline=deadline,
        )
        return self._begun(self._native.say(said))

    def command(
        self,
        name: str,
        arguments: str = "",
        *,
        model: Union[str, Model, ModelRef, None] = None,
        agent: Optional[str] = None,
    ) -> AsyncTurn:
        """Runs a slash command; its name has no slash."""
        deed = requests.deed("command", model, agent, name=name, arguments=arguments)
        return self._begun(self._native.perform(deed))

    def shell(
        self, command: str, *, model: Union[str, Model, ModelRef, None] = None, agent: Optional[str] = None
    ) -> AsyncTurn:
        """Runs a shell command for the person, which the agent is shown."""
        deed = requests.deed("shell", model, agent, command=command)
        return self._begun(self._native.perform(deed))

    def summarize(self, *, model: Union[str, Model, ModelRef, None] = None, agent: Optional[str] = None) -> AsyncTurn:
        """Makes the history shorter; without a ``model`` by the last one."""
        return self._begun(self._native.perform(requests.deed("summarize", model, agent)))

    def events(self) -> AsyncFeed:
        """Everything that happens from now on, whoever causes it. Callbacks are not called for it: turns do that."""
        return AsyncFeed(self._native.subscribe())

    async def abort(self) -> None:
        """Stops whatever runs in the session, whoever started it."""
        await run(self._native.abort())

    async def reply_permission(self, permission: Union[str, Permission], reply: Reply) -> bool:
        """Answers a permission request: ``"once"``, ``"always"``, ``"reject"`` or ``{"reject": "why"}``. ``False``: it was not open
        any more."""
        id = arguments.identifier("permission", permission)
        return await run(self._native.reply_permission(id, requests.reply(reply)))

    async def answer_question(self, question: Union[str, Question], answers: Answers) -> bool:
        """Answers a question: the labels chosen, a list for each item. ``False``: it was not open any more."""
        id = arguments.identifier("question", question)
        return await run(self._native.answer_question(id, requests.answers(answers)))

    async def reject_question(self, question: Union[str, Question]) -> bool:
        """Refuses to answer. ``False``: it was not open any more."""
        return await run(self._native.reject_question(arguments.identifier("question", question)))

    async def read_messages(self) -> list[Message]:
        """All messages, read from the server now."""
        return requests.many(Message, await run(self._native.read_messages()))

    async def fork(self, at: Union[str, Message, None] = None) -> AsyncConversation:
        """A new conversation with the messages up to one, or all of them."""
        native = await run(self._native.fork(arguments.optional_identifier("at", at)))
        return AsyncConversation(native, self._asks.on_permission, self._asks.on_question)

    async def revert(self, message: Union[str, Message], part: Union[str, Part, None] = None) -> Session:
        """Takes a message and all after it back, with the changes to files that they made."""
        id, part = arguments.identifier("message", message), arguments.optional_identifier("part", part)
        return requests.one(Session, await run(self._native.revert(id, part)))

    async def unrevert(self) -> Session:
        """Undoes a revert, as long as nothing was said since."""
        return requests.one(Session, await run(self._native.unrevert()))

    async def share(self) -> Session:
        """Publishes the session; the address is its ``share_url``."""
        return requests.one(Session, await run(self._native.share()))

    async def unshare(self) -> Session:
        """Takes the publication back."""
        return requests.one(Session, await run(self._native.unshare()))

    async def rename(self, title: str) -> Session:
        """Gives the session a title."""
        return requests.one(Session, await run(self._native.rename(arguments.text("title", title))))

    async def delete(self) -> None:
        """Deletes the session for good."""
        await run(self._native.delete())

    async def diff(self, message: Union[str, Message, None] = None) -> list[FileDiff]:
        """The files that the session, or one message of it, has changed."""
        id = arguments.optional_identifier("message", message)
        return requests.many(FileDiff, await run(self._native.diff(id)))

    async def todos(self) -> list[Todo]:
        """The agent's list of things to do, read from the server now."""
        return requests.many(Todo, await run(self._native.todos()))

    async def children(self) -> list[Session]:
        """The sessions that this one's agents have started."""
        return requests.many(Session, await run(self._native.children()))

    async def flush_history(self, within: float = 10.0) -> None:
        """Waits until the history has everything that was told by now, at most so many seconds."""
        await run(self._native.flush_history(arguments.seconds("within", within)))

    def _begun(self, pending: core.Pending[core.Turn]) -> AsyncTurn:
        turn = AsyncTurn(pending, self._asks)
        self._turns.add(turn)
        return turn

    async def __aenter__(self) -> AsyncConversation:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
