"""A conversation: one session with its sub-agents, kept equal to the server's while it lives."""

from __future__ import annotations

from . import _arguments as arguments
from . import _requests as requests
from ._followed import Followed
from .feed import Feed
from .records import FileDiff, Message, Session, Todo
from .turn import Turn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType
    from typing import Literal, Optional, Union

    from . import _native as core
    from ._asks import Answers
    from ._requests import Reply
    from .parts import Prompt
    from .records import Model, ModelRef, Part, Permission, Question


class Conversation(Followed):
    """One session. ``Nexus.conversation`` opens it. Threads may share it."""

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
    ) -> Turn:
        """Sends a prompt, and gives the turn that it starts.

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
        return self._begun(self._native.say(said).wait())

    def command(
        self,
        name: str,
        arguments: str = "",
        *,
        model: Union[str, Model, ModelRef, None] = None,
        agent: Optional[str] = None,
    ) -> Turn:
        """Runs a slash command; its name has no slash."""
        deed = requests.deed("command", model, agent, name=name, arguments=arguments)
        return self._begun(self._native.perform(deed).wait())

    def shell(
        self, command: str, *, model: Union[str, Model, ModelRef, None] = None, agent: Optional[str] = None
    ) -> Turn:
        """Runs a shell command for the person, which the agent is shown."""
        deed = requests.deed("shell", model, agent, command=command)
        return self._begun(self._native.perform(deed).wait())

    def summarize(self, *, model: Union[str, Model, ModelRef, None] = None, agent: Optional[str] = None) -> Turn:
        """Makes the history shorter; without a ``model`` by the last one."""
        return self._begun(self._native.perform(requests.deed("summarize", model, agent)).wait())

    def events(self) -> Feed:
        """Everything that happens from now on, whoever causes it. Callbacks are not called for it: turns do that."""
        return Feed(self._native.subscribe())

    def abort(self) -> None:
        """Stops whatever runs in the session, whoever started it."""
        self._native.abort().wait()

    def reply_permission(self, permission: Union[str, Permission], reply: Reply) -> bool:
        """Answers a permission request: ``"once"``, ``"always"``, ``"reject"`` or ``{"reject": "why"}``. ``False``: it was not open
        any more."""
        id = arguments.identifier("permission", permission)
        return self._native.reply_permission(id, requests.reply(reply)).wait()

    def answer_question(self, question: Union[str, Question], answers: Answers) -> bool:
        """Answers a question: the labels chosen, a list for each item. ``False``: it was not open any more."""
        id = arguments.identifier("question", question)
        return self._native.answer_question(id, requests.answers(answers)).wait()

    def reject_question(self, question: Union[str, Question]) -> bool:
        """Refuses to answer. ``False``: it was not open any more."""
        return self._native.reject_question(arguments.identifier("question", question)).wait()

    def read_messages(self) -> list[Message]:
        """All messages, read from the server now."""
        return requests.many(Message, self._native.read_messages().wait())

    def fork(self, at: Union[str, Message, None] = None) -> Conversation:
        """A new conversation with the messages up to one, or all of them."""
        native = self._native.fork(arguments.optional_identifier("at", at)).wait()
        return Conversation(native, self._asks.on_permission, self._asks.on_question)

    def revert(self, message: Union[str, Message], part: Union[str, Part, None] = None) -> Session:
        """Takes a message and all after it back, with the changes to files that they made."""
        id, part = arguments.identifier("message", message), arguments.optional_identifier("part", part)
        return requests.one(Session, self._native.revert(id, part).wait())

    def unrevert(self) -> Session:
        """Undoes a revert, as long as nothing was said since."""
        return requests.one(Session, self._native.unrevert().wait())

    def share(self) -> Session:
        """Publishes the session; the address is its ``share_url``."""
        return requests.one(Session, self._native.share().wait())

    def unshare(self) -> Session:
        """Takes the publication back."""
        return requests.one(Session, self._native.unshare().wait())

    def rename(self, title: str) -> Session:
        """Gives the session a title."""
        return requests.one(Session, self._native.rename(arguments.text("title", title)).wait())

    def delete(self) -> None:
        """Deletes the session for good."""
        self._native.delete().wait()

    def diff(self, message: Union[str, Message, None] = None) -> list[FileDiff]:
        """The files that the session, or one message of it, has changed."""
        id = arguments.optional_identifier("message", message)
        return requests.many(FileDiff, self._native.diff(id).wait())

    def todos(self) -> list[Todo]:
        """The agent's list of things to do, read from the server now."""
        return requests.many(Todo, self._native.todos().wait())

    def children(self) -> list[Session]:
        """The sessions that this one's agents have started."""
        return requests.many(Session, self._native.children().wait())

    def flush_history(self, within: float = 10.0) -> None:
        """Waits until the history has everything that was told by now, at most so many seconds."""
        self._native.flush_history(arguments.seconds("within", within)).wait()

    def _begun(self, native: core.Turn) -> Turn:
        turn = Turn(native, self._asks)
        self._turns.add(turn)
        return turn

    def __enter__(self) -> Conversation:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()
