"""What a server says, as objects: attributes for what is known, and everything else by its name.

A record holds the decoded JSON and makes attributes of it when they are looked at. Fields that a newer server adds are kept: they
are there as attributes, by ``record["name"]`` and in ``to_dict()``. A field that is known and was not sent is ``None``.
"""

from __future__ import annotations

from ._record import Record as Record
from ._record import list_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional


class ModelRef(Record):
    """Names a model."""

    __slots__ = ()
    provider: str
    model: str
    variant: Optional[str]

    def __str__(self) -> str:
        return f"{self.provider}/{self.model}"


class Tokens(Record):
    """Tokens, as the server counts them."""

    __slots__ = ()
    input: float
    output: float
    reasoning: float
    cache_read: float
    cache_write: float


class Usage(Record):
    """What something cost, in US dollars and in tokens."""

    __slots__ = ()
    _nested = {"tokens": Tokens}
    cost: float
    tokens: Tokens


class TurnError(Record):
    """Why a message ended badly, in the server's words."""

    __slots__ = ()
    name: str
    message: str
    aborted: bool
    raw: Any


class ToolCall(Record):
    """A tool that the agent used."""

    __slots__ = ()
    call_id: str
    tool: str
    status: str
    """``streaming``, ``pending``, ``running``, ``completed``, ``error``, or a word of the server."""
    input: Any
    title: Optional[str]
    output: Optional[str]
    error: Optional[str]
    metadata: Any


class Part(Record):
    """One piece of a message."""

    __slots__ = ()
    id: str
    session_id: str
    message_id: str
    started: Optional[int]
    ended: Optional[int]
    body: dict[str, Any]
    """What it is, as it came."""

    @property
    def type(self) -> str:
        """``text``, ``reasoning``, ``tool``, ``file``, ``agent``, ``subtask``, ``step-start``, ``step-finish``, ``patch``, …"""
        kind = self.body.get("type", "other")
        return str(self.body.get("kind", kind) if kind == "other" else kind)

    @property
    def text(self) -> Optional[str]:
        """The text of a text or reasoning part, as far as it is told here: events tell it by their deltas."""
        return self.body.get("text")

    @property
    def tool(self) -> Optional[ToolCall]:
        """The tool call of a tool part."""
        return ToolCall(self.body) if self.body.get("type") == "tool" else None

    @property
    def usage(self) -> Optional[Usage]:
        """What a model call cost, at its end."""
        usage = self.body.get("usage")
        return Usage(usage) if usage else None


class Message(Record):
    """One message with its parts."""

    __slots__ = ()
    _nested = {"model": ModelRef, "usage": Usage, "error": TurnError, "parts": list_of(Part)}
    id: str
    session_id: str
    role: str
    parent_id: Optional[str]
    created: int
    completed: Optional[int]
    agent: Optional[str]
    model: Optional[ModelRef]
    usage: Optional[Usage]
    finish: Optional[str]
    error: Optional[TurnError]
    parts: list[Part]
    extra: dict[str, Any]

    @property
    def text(self) -> str:
        """What was written or answered: the texts of its text parts, one after another."""
        return "".join(part.text or "" for part in self.parts if part.type == "text")

    def _repr_markdown_(self) -> str:
        return f"**{self.role}**\n\n{self.text}"


class Revert(Record):
    """From where on a session is taken back."""

    __slots__ = ()
    message_id: str
    part_id: Optional[str]


class Session(Record):
    """One conversation on a server. Times are Unix milliseconds."""

    __slots__ = ()
    _nested = {"model": ModelRef, "usage": Usage, "revert": Revert}
    id: str
    parent_id: Optional[str]
    title: str
    directory: str
    created: int
    updated: int
    agent: Optional[str]
    model: Optional[ModelRef]
    usage: Optional[Usage]
    share_url: Optional[str]
    revert: Optional[Revert]
    extra: dict[str, Any]


class Status(Record):
    """What a session is doing: ``idle``, ``busy``, ``retry`` or a word of the server."""

    __slots__ = ()
    type: str
    attempt: Optional[int]
    message: Optional[str]
    next: Optional[int]


class ToolRef(Record):
    """The tool call for which something is asked."""

    __slots__ = ()
    message_id: str
    call_id: str


class Permission(Record):
    """May the agent do this?"""

    __slots__ = ()
    _nested = {"tool": ToolRef}
    id: str
    session_id: str
    action: str
    """In the server's word: ``bash``, ``edit``, ``webfetch``, …"""
    patterns: list[str]
    """On what: commands, paths, addresses."""
    always: list[str]
    """What ``always`` would allow from now on."""
    tool: Optional[ToolRef]
    metadata: dict[str, Any]


class QuestionOption(Record):
    """One choice of a question; its label is the answer."""

    __slots__ = ()
    label: str
    description: str


class QuestionItem(Record):
    """One question."""

    __slots__ = ()
    _nested = {"options": list_of(QuestionOption)}
    header: str
    question: str
    options: list[QuestionOption]
    multiple: bool
    custom: bool


class Question(Record):
    """One or more questions that are answered together."""

    __slots__ = ()
    _nested = {"items": list_of(QuestionItem), "tool": ToolRef}
    id: str
    session_id: str
    items: list[QuestionItem]
    tool: Optional[ToolRef]


class Todo(Record):
    """One entry of the agent's list of things to do."""

    __slots__ = ()
    content: str
    status: str
    priority: str


class FileDiff(Record):
    """What changed in one file."""

    __slots__ = ()
    path: str
    patch: Optional[str]
    additions: int
    deletions: int
    status: Optional[str]


class TurnOutcome(Record):
    """How a turn ended."""

    __slots__ = ()
    _nested = {"error": TurnError, "usage": Usage}
    kind: str
    """``completed``, ``aborted`` or ``failed``."""
    finish: Optional[str]
    error: Optional[TurnError]
    usage: Usage

    @property
    def is_completed(self) -> bool:
        """Whether the agent was done."""
        return self.kind == "completed"


class Transcript(Record):
    """A conversation as it stands."""

    __slots__ = ()
    _nested = {
        "session": Session,
        "status": Status,
        "messages": list_of(Message),
        "permissions": list_of(Permission),
        "questions": list_of(Question),
        "todos": list_of(Todo),
    }
    session: Optional[Session]
    status: Status
    messages: list[Message]
    permissions: list[Permission]
    questions: list[Question]
    todos: list[Todo]


class Price(Record):
    """US dollars for a million tokens."""

    __slots__ = ()
    input: float
    output: float
    cache_read: float
    cache_write: float


class Model(Record):
    """One model of a provider."""

    __slots__ = ()
    _nested = {"price": Price}
    provider: str
    id: str
    name: str
    usable: bool
    status: str
    context: int
    output: int
    price: Optional[Price]
    tools: bool
    images: bool
    variants: list[str]

    def __str__(self) -> str:
        return f"{self.provider}/{self.id}"


class Provider(Record):
    """Somebody who runs models."""

    __slots__ = ()
    _nested = {"models": list_of(Model)}
    id: str
    name: str
    usable: bool
    recommended: Optional[str]
    models: list[Model]


class Catalogue(Record):
    """Every provider that a server knows, and the model that answers when none is named."""

    __slots__ = ()
    _nested = {"providers": list_of(Provider), "default": ModelRef}
    providers: list[Provider]
    default: Optional[ModelRef]

    @property
    def models(self) -> list[Model]:
        """All models, provider by provider."""
        return [model for provider in self.providers for model in provider.models]


class Agent(Record):
    """Somebody who can answer: a system prompt, a model and permissions under a name."""

    __slots__ = ()
    _nested = {"model": ModelRef}
    name: str
    description: Optional[str]
    mode: str
    hidden: bool
    model: Optional[ModelRef]


class SlashCommand(Record):
    """A slash command that a server offers."""

    __slots__ = ()
    name: str
    description: Optional[str]


class Plugin(Record):
    """How an installed plugin stands."""

    __slots__ = ()
    id: str
    version: str
    state: str
    """``starting``, ``idle`` (it starts when it is needed), ``ready``, ``failed`` or ``disabled``."""
    problem: Optional[str]
    """What is wrong, in a line."""
    url: Optional[str]
    """Where its pages are; with a token, so for the person alone."""
    memory: Optional[int]
    """Its memories and tables together, in bytes, while it runs."""


class ServerConfiguration(Record):
    """The configuration of a server, without secrets."""

    __slots__ = ()
    _nested = {"model": ModelRef}
    effective: dict[str, Any]
    changeable: dict[str, Any]
    model: Optional[ModelRef]
    agent: Optional[str]


class ServerInfo(Record):
    """What a server said about itself."""

    __slots__ = ()
    address: str
    name: str
    directory: Optional[str]
    version: str
    line: str
    """``v1`` or ``v2``."""
    started: bool
    """Whether it was started for this connection, and ends with it."""
    kept: str
    """Whether conversations are kept: ``on``, ``off`` or ``locked``."""
