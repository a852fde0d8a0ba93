"""What both kinds of conversations have: what is known of one without asking anybody, and its end."""

from __future__ import annotations

from weakref import WeakSet

from . import _arguments as arguments
from . import _requests as requests
from ._asks import Asks
from .records import Message, Session, Status, Transcript

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

    from . import _native as core
    from ._asks import OnPermission, OnQuestion
    from .aio.turn import AsyncTurn
    from .turn import Turn


class Followed:
    """A session that is followed."""

    __slots__ = ("_native", "_asks", "_turns", "__weakref__")

    def __init__(
        self,
        native: core.Conversation,
        on_permission: Optional[OnPermission] = None,
        on_question: Optional[OnQuestion] = None,
    ) -> None:
        self._native = native
        self._asks = Asks(native, on_permission, on_question)
        self._turns: WeakSet[Union[Turn, AsyncTurn]] = WeakSet()

    @property
    def session_id(self) -> str:
        """The session's identifier."""
        return self._native.session_id

    @property
    def directory(self) -> Optional[str]:
        """The folder in which the agent works; ``None`` when it is the server's own."""
        return self._native.directory()

    @property
    def transcript(self) -> Transcript:
        """Everything that is known of it, as it stands; asks nobody."""
        return requests.one(Transcript, self._native.transcript())

    @property
    def messages(self) -> list[Message]:
        """Its messages, as they stand; asks nobody."""
        return self.transcript.messages

    def messages_json(self) -> str:
        """Its messages as they stand, as one JSON text whose names are the same in every language: to store them, and to compare
        what programs in different languages have."""
        from json import dumps

        return dumps([message.to_dict() for message in self.messages], ensure_ascii=False)

    @property
    def session(self) -> Optional[Session]:
        """The session, as it stands; asks nobody."""
        return self.transcript.session

    @property
    def status(self) -> Status:
        """Whether it runs, waits for its provider, or is idle; asks nobody."""
        return self.transcript.status

    @property
    def sessions(self) -> list[str]:
        """The session and those of its sub-agents, as far as they are followed; asks nobody."""
        return self._native.sessions()

    def child_messages(self, session: Union[str, Session]) -> Optional[list[Message]]:
        """The messages of a sub-agent's session; ``None`` when it is not one of this conversation's."""
        answer = self._native.child_messages(arguments.identifier("session", session))
        return None if answer is None else requests.many(Message, answer)

    def close(self) -> None:
        """Follows the session no longer. Turns that run are stopped, and what reads its events ends."""
        for turn in list(self._turns):
            turn.close()
        self._native.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.session_id}>"

    def _repr_markdown_(self) -> str:
        return "\n\n".join(f"**{message.role}**: {message.text}" for message in self.messages)
