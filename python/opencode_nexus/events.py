"""What a conversation tells: differences, each told once, and each with the ``type`` by which it is told apart.

All deltas of a part joined, from the last replacement on, are exactly its text on the server, whatever the network does.
"""

from __future__ import annotations

from ._record import Record, list_of
from .records import (
    FileDiff,
    Message,
    Part,
    Permission,
    Question,
    Session,
    Status,
    Todo,
    TurnError,
    TurnOutcome,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, Optional, Union


class SessionEvent(Record):
    """The session is new to us or has changed."""

    __slots__ = ()
    _nested = {"session": Session}
    type: Literal["session"]
    session: Session


class StatusEvent(Record):
    """The session does something else now."""

    __slots__ = ()
    _nested = {"status": Status}
    type: Literal["status"]
    status: Status


class MessageEvent(Record):
    """A message is new or has changed. It has no parts here; they come by themselves."""

    __slots__ = ()
    _nested = {"message": Message}
    type: Literal["message"]
    message: Message


class QueuedEvent(Record):
    """A prompt waits at the server; it becomes a message when its turn comes."""

    __slots__ = ()
    _nested = {"message": Message}
    type: Literal["queued"]
    message: Message


class WithdrawnEvent(Record):
    """A prompt that waited was taken back."""

    __slots__ = ()
    type: Literal["withdrawn"]
    message_id: str


class MessageRemovedEvent(Record):
    """A message is gone."""

    __slots__ = ()
    type: Literal["message_removed"]
    message_id: str


class PartEvent(Record):
    """A part is new or has changed. The text of a text or reasoning part comes by ``text``."""

    __slots__ = ()
    _nested = {"part": Part}
    type: Literal["part"]
    part: Part


class TextEvent(Record):
    """More text of a text or reasoning part."""

    __slots__ = ()
    type: Literal["text"]
    message_id: str
    part_id: str
    kind: Literal["text", "reasoning"]
    delta: str


class TextReplacedEvent(Record):
    """The text of a part is not a continuation of what was told: this is all of it."""

    __slots__ = ()
    type: Literal["text_replaced"]
    message_id: str
    part_id: str
    kind: Literal["text", "reasoning"]
    text: str


class PartRemovedEvent(Record):
    """A part is gone."""

    __slots__ = ()
    type: Literal["part_removed"]
    message_id: str
    part_id: str


class PermissionAskedEvent(Record):
    """The agent asks for a permission and waits."""

    __slots__ = ()
    _nested = {"permission": Permission}
    type: Literal["permission_asked"]
    permission: Permission


class PermissionClosedEvent(Record):
    """A permission request is settled; ``reply`` is ``None`` when the server did not say how."""

    __slots__ = ()
    type: Literal["permission_closed"]
    id: str
    reply: Any


class QuestionAskedEvent(Record):
    """The agent asks something and waits."""

    __slots__ = ()
    _nested = {"question": Question}
    type: Literal["question_asked"]
    question: Question


class QuestionClosedEvent(Record):
    """A question is settled; ``answers`` is ``None`` when it was rejected or the server did not say."""

    __slots__ = ()
    type: Literal["question_closed"]
    id: str
    answers: Optional[list[list[str]]]


class TodosEvent(Record):
    """The agent's list of things to do; all of it."""

    __slots__ = ()
    _nested = {"todos": list_of(Todo)}
    type: Literal["todos"]
    todos: list[Todo]


class DiffEvent(Record):
    """The files that the session has changed; all of them."""

    __slots__ = ()
    _nested = {"files": list_of(FileDiff)}
    type: Literal["diff"]
    files: list[FileDiff]


class ErrorEvent(Record):
    """The server reports an error of this session. If it ends the turn, ``turn_ended`` follows."""

    __slots__ = ()
    _nested = {"error": TurnError}
    type: Literal["error"]
    error: TurnError


class SessionRemovedEvent(Record):
    """The session was deleted."""

    __slots__ = ()
    type: Literal["session_removed"]


class ChildEvent(Record):
    """Something in the session of a sub-agent."""

    __slots__ = ()
    type: Literal["child"]
    session_id: str

    @property
    def event(self) -> ChatEvent:
        """What."""
        return chat_event(self["event"])


class ReconnectingEvent(Record):
    """The connection was lost and is being made again. Nothing that was told becomes untrue by that."""

    __slots__ = ()
    type: Literal["reconnecting"]
    reason: str


class RecoveredEvent(Record):
    """The connection stands, and what was missed has been told."""

    __slots__ = ()
    type: Literal["recovered"]


class LaggedEvent(Record):
    """This reader was too slow and some changes were not kept for it; read the messages anew."""

    __slots__ = ()
    type: Literal["lagged"]
    missed: int


class TurnEndedEvent(Record):
    """A turn is over. ``message_id`` is the prompt with which it began."""

    __slots__ = ()
    _nested = {"outcome": TurnOutcome}
    type: Literal["turn_ended"]
    message_id: str
    outcome: TurnOutcome


class OtherEvent(Record):
    """Anything else, untouched."""

    __slots__ = ()
    type: Literal["other"]
    kind: str
    raw: Any


if TYPE_CHECKING:
    ChatEvent = Union[
        SessionEvent,
        StatusEvent,
        MessageEvent,
        QueuedEvent,
        WithdrawnEvent,
        MessageRemovedEvent,
        PartEvent,
        TextEvent,
        TextReplacedEvent,
        PartRemovedEvent,
        PermissionAskedEvent,
        PermissionClosedEvent,
        QuestionAskedEvent,
        QuestionClosedEvent,
        TodosEvent,
        DiffEvent,
        ErrorEvent,
        SessionRemovedEvent,
        ChildEvent,
        ReconnectingEvent,
        RecoveredEvent,
        LaggedEvent,
        TurnEndedEvent,
        OtherEvent,
    ]
else:
    # `typing` is not loaded for a name that only type checkers look into.
    ChatEvent = Record

_KINDS: dict[str, Any] = {
    "session": SessionEvent,
    "status": StatusEvent,
    "message": MessageEvent,
    "queued": QueuedEvent,
    "withdrawn": WithdrawnEvent,
    "message_removed": MessageRemovedEvent,
    "part": PartEvent,
    "text": TextEvent,
    "text_replaced": TextReplacedEvent,
    "part_removed": PartRemovedEvent,
    "permission_asked": PermissionAskedEvent,
    "permission_closed": PermissionClosedEvent,
    "question_asked": QuestionAskedEvent,
    "question_closed": QuestionClosedEvent,
    "todos": TodosEvent,
    "diff": DiffEvent,
    "error": ErrorEvent,
    "session_removed": SessionRemovedEvent,
    "child": ChildEvent,
    "reconnecting": ReconnectingEvent,
    "recovered": RecoveredEvent,
    "lagged": LaggedEvent,
    "turn_ended": TurnEndedEvent,
}


def chat_event(fields: dict[str, Any]) -> ChatEvent:
    """The event of decoded JSON. One that a newer version makes is an ``OtherEvent`` with all its fields."""
    event: ChatEvent = _KINDS.get(fields.get("type", "other"), OtherEvent)(fields)
    return event
