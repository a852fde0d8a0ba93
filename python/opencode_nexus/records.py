"""What a server says, as objects: attributes for what is known, and everything else by its name.

A record holds the decoded JSON and makes attributes of it when they are looked at. Fields that a newer server adds are kept: they
are there as attributes, by ``record["name"]`` and in ``to_dict()``. A field that is known and was not sent is ``None``.
"""

from __future__ import annotations

from ._display import html_of, repr_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Callable, ClassVar, Optional


class Record:
    """Something that a server says."""

    __slots__ = ("_fields",)

    _nested: ClassVar[dict[str, Callable[[Any], Any]]] = {}
    _known: ClassVar[Optional[frozenset[str]]] = None

    def __init__(self, fields: dict[str, Any]) -> None:
        self._fields: dict[str, Any] = fields

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            kind = type(self)
            try:
                value = self._fields[name]
            except KeyError:
                if name in kind._names():
                    return None
                raise AttributeError(f"{kind.__name__} has no field {name!r}") from None
            except AttributeError:
                # Being copied or unpickled: there are no fields yet.
                raise AttributeError(name) from None
            convert = kind._nested.get(name)
            return convert(value) if convert is not None and value is not None else value

    @classmethod
    def _names(cls) -> frozenset[str]:
        known = cls.__dict__.get("_known")
        if known is None:
            names = {name for kind in cls.__mro__ for name in kind.__dict__.get("__annotations__", ())}
            known = cls._known = frozenset(name for name in names if not name.startswith("_"))
        return known

    def __getitem__(self, name: str) -> Any:
        """A field as it came."""
        return self._fields[name]

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def get(self, name: str, default: Any = None) -> Any:
        """A field as it came, or the default."""
        return self._fields.get(name, default)

    def to_dict(self) -> dict[str, Any]:
        """Everything, as it came."""
        return self._fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Record) and self._fields == other._fields

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self._fields,))

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._names(), *self._fields})

    def __repr__(self) -> str:
        return repr_of(type(self).__name__, self._fields)

    def _repr_html_(self) -> str:
        return html_of(type(self).__name__, self._fields)


def _list(kind: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda values: [kind(value) for value in values]


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
    _nested = {"model": ModelRef, "usage": Usage, "error": TurnError, "parts": _list(Part)}
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
    _nested = {"options": _list(QuestionOption)}
    header: str
    question: str
    options: list[QuestionOption]
    multiple: bool
    custom: bool


class Question(Record):
    """One or more questions that are answered together."""

    __slots__ = ()
    _nested = {"items": _list(QuestionItem), "tool": ToolRef}
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
        "messages": _list(Message),
        "permissions": _list(Permission),
        "questions": _list(Question),
        "todos": _list(Todo),
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
    _nested = {"models": _list(Model)}
    id: str
    name: str
    usable: bool
    recommended: Optional[str]
    models: list[Model]


class Catalogue(Record):
    """Every provider that a server knows, and the model that answers when none is named."""

    __slots__ = ()
    _nested = {"providers": _list(Provider), "default": ModelRef}
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


class StoredSession(Record):
    """A session as it is stored."""

    __slots__ = ()
    _nested = {"session": Session}
    server: str
    session: Session
    stored: int


class StoredConversation(Record):
    """A whole stored conversation."""

    __slots__ = ()
    _nested = {"session": Session, "messages": _list(Message)}
    server: str
    session: Session
    stored: int
    messages: list[Message]


class Snippet(Record):
    """Why a message was found: pieces in order, each with whether it is what was looked for."""

    __slots__ = ()
    pieces: list[tuple[str, bool]]
    cut_before: bool
    cut_after: bool

    def __str__(self) -> str:
        text = "".join(piece for piece, _ in self.pieces)
        return f"{'…' if self.cut_before else ''}{text}{'…' if self.cut_after else ''}"


class FoundMessage(Record):
    """A message that was found."""

    __slots__ = ()
    _nested = {"session": StoredSession, "message": Message, "snippet": Snippet}
    session: StoredSession
    message: Message
    snippet: Snippet
    score: float


class Found(Record):
    """What was found, in order."""

    __slots__ = ()
    _nested = {"messages": _list(FoundMessage)}
    messages: list[FoundMessage]
    more: bool


class HistoryStatus(Record):
    """How a history stands."""

    __slots__ = ()
    usage: dict[str, Any]
    servers: list[tuple[str, Optional[int]]]
    outbox: int


class CheckReport(Record):
    """What a check of everything that is stored has found."""

    __slots__ = ()
    groups: int
    records: int
    problems: list[str]


class Deleted(Record):
    """What was removed."""

    __slots__ = ()
    sessions: list[str]
    messages: int


class Exported(Record):
    """What was written."""

    __slots__ = ()
    sessions: int
    messages: int
    redacted: int
    bytes: int


class Imported(Record):
    """What came in."""

    __slots__ = ()
    sessions: int
    unchanged: int
    messages: int


class SyncReport(Record):
    """What came of fetching what is new."""

    __slots__ = ()
    sessions: int
    changed: int
    messages: int
    failed: list[str]


class Account(Record):
    """An account of this machine."""

    __slots__ = ()
    name: str
    current: bool
    logged_in: bool
    created: int
    bytes: int


class NewAccount(Record):
    """An account that was made. Keep its recovery key on paper: nobody else has it."""

    __slots__ = ()
    name: str
    logged_in: bool
    not_remembered: Optional[str]
    recovery_key: str

    def __repr__(self) -> str:
        return f"NewAccount(name={self.name!r}, recovery_key=…)"

    def _repr_html_(self) -> str:
        return f"<code>NewAccount {self.name}</code>"
