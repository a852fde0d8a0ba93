"""What the classes that wait and those for asyncio have in common: how what is asked becomes JSON, and answers become records."""

from __future__ import annotations

from . import _arguments as arguments
from .parts import pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from typing import Any, Callable, Literal, Optional, TypeVar, Union

    from . import _native as core
    from .parts import Prompt

    T = TypeVar("T")
    Path = Union[str, os.PathLike[str]]
    Decision = Literal["ask", "allow", "deny"]
    Rule = Mapping[str, str]
    Rules = Union[Mapping[str, str], Iterable[Rule]]
    Reply = Union[str, bool, None, Mapping[str, str]]

_DECISIONS = ("ask", "allow", "deny")


def load(answer: str) -> Any:
    """Decodes what the core has said."""
    from json import loads

    return loads(answer)


def one(kind: Callable[[Any], T], answer: str) -> T:
    """A record."""
    return kind(load(answer))


def many(kind: Callable[[Any], T], answer: str) -> list[T]:
    """A list of records."""
    return [kind(fields) for fields in load(answer)]


def credentials(password: object, user: object) -> dict[str, Any]:
    """How a server is logged in to."""
    if password is None and user is not None:
        raise ValueError("user goes with a password")
    return {"password": arguments.optional("password", password), "user": arguments.optional("user", user)}


def wanted(
    *,
    url: object = None,
    server: object = None,
    directory: Optional[Path] = None,
    password: object = None,
    user: object = None,
    start: object = None,
    binary: Optional[Path] = None,
    keep: object = "off",
    account: object = None,
    passphrase: object = None,
    config: Optional[Path] = None,
    profile: object = None,
    plugins: object = False,
) -> str:
    """How a server is found or started."""
    if isinstance(keep, bool):
        keep = "on" if keep else "off"
    return arguments.encode(
        "options",
        {
            "url": arguments.optional("url", url),
            "server": arguments.optional("server", server),
            "directory": arguments.path("directory", directory),
            **credentials(password, user),
            "start": None if start is None else arguments.flag("start", start),
            "binary": arguments.path("binary", binary),
            "keep": arguments.one_of("keep", keep, ("off", "auto", "on")),
            "account": arguments.optional("account", account),
            "passphrase": arguments.optional("passphrase", passphrase),
            "config": arguments.path("config", config),
            "profile": arguments.optional("profile", profile),
            "plugins": arguments.flag("plugins", plugins),
        },
    )


def rules(given: Optional[Rules]) -> list[dict[str, str]]:
    """Rules for permissions: a list of dicts, or a dict like ``{"bash:git *": "allow", "edit": "deny"}``."""
    if given is None:
        return []
    if isinstance(given, dict):
        pairs: Iterable[Any] = [
            dict(zip(("action", "pattern"), (*str(what).split(":", 1), "*")), decision=decision)
            for what, decision in arguments.mapping("rules", given).items()  # pyright: ignore[reportUnknownArgumentType]
        ]
    else:
        pairs = arguments.items("rules", given)
    found: list[dict[str, str]] = []
    for number, rule in enumerate(pairs):
        name = f"rules[{number}]"
        rule = arguments.mapping(name, rule)
        unknown = set(rule) - {"action", "pattern", "decision"}
        if unknown:
            raise ValueError(f"{name} has an unknown field {sorted(map(str, unknown))[0]!r}")
        found.append(
            {
                "action": arguments.text(f"{name}['action']", rule.get("action")),
                "pattern": arguments.text(f"{name}['pattern']", rule.get("pattern", "*")),
                "decision": arguments.one_of(f"{name}['decision']", rule.get("decision"), _DECISIONS),
            }
        )
    return found


def opening(
    session: object,
    title: object,
    permissions: object,
    given_rules: Optional[Rules],
    questions: object,
    answer_within: object,
    give_up: object,
    open_within: object,
) -> str:
    """How a conversation is opened."""
    asked: dict[str, Any] = {"rules": rules(given_rules)}
    if session is not None:
        asked["session"] = arguments.identifier("session", session)
        if title is not None:
            raise ValueError("title is for a new session; rename() gives this one another")
    if title is not None:
        asked["title"] = arguments.text("title", title)
    if permissions is not None:
        asked["permissions"] = arguments.one_of("permissions", permissions, _DECISIONS)
    if questions is not None:
        asked["questions"] = arguments.one_of("questions", questions, ("ask", "deny"))
    for name, value in (("answer_within", answer_within), ("give_up", give_up), ("open_within", open_within)):
        if value is not None:
            # Longer than a process lives is for ever, and `answer_within` has a word for it.
            forever = name == "answer_within" and value == float("inf")
            asked[name] = None if forever else arguments.seconds(name, value)
    return arguments.encode("conversation", asked)


def said(
    prompt: Prompt,
    *,
    model: object,
    agent: object,
    system: object,
    context: Optional[Iterable[str]],
    no_reply: object,
    delivery: object,
    deadline: object,
) -> str:
    """A prompt, and how it is sent."""
    asked: dict[str, Any] = {"parts": pieces(prompt), "no_reply": arguments.flag("no_reply", no_reply)}
    for name, value in (("model", model), ("agent", agent), ("system", system)):
        if value is not None:
            asked[name] = arguments.text(name, str(value) if hasattr(value, "to_dict") else value)
    if context is not None:
        asked["context"] = arguments.texts("context", [context] if isinstance(context, str) else context)
    if delivery is not None:
        asked["delivery"] = arguments.one_of("delivery", delivery, ("steer", "queue"))
    if deadline is not None:
        asked["deadline"] = arguments.seconds("deadline", deadline)
    return arguments.encode("prompt", asked)


def deed(kind: str, model: object, agent: object, **fields: object) -> str:
    """Something else than a prompt that starts a turn."""
    asked: dict[str, Any] = {"type": kind, **{name: arguments.text(name, value) for name, value in fields.items()}}
    for name, value in (("model", model), ("agent", agent)):
        if value is not None:
            asked[name] = arguments.text(name, str(value) if hasattr(value, "to_dict") else value)
    return arguments.encode(kind, asked)


def reply(given: Reply) -> str:
    """The answer to a permission request: ``"once"`` or ``True``, ``"always"``, ``"reject"`` or ``False`` or ``None``, or
    ``{"reject": "why"}``."""
    if given is None or given is False:
        return '"reject"'
    if given is True:
        return '"once"'
    if isinstance(given, dict):
        if set(given) != {"reject"}:
            raise ValueError("reply must be {'reject': 'why'} when it is a dict")
        return arguments.encode("reply", {"reject": arguments.text("reply['reject']", given["reject"])})
    return arguments.encode("reply", arguments.one_of("reply", given, ("once", "always", "reject")))


def answers(given: object) -> list[list[str]]:
    """The labels chosen, a list for each question; one text stands for a list of one."""
    listed = [given] if isinstance(given, str) else arguments.items("answers", given)
    return [
        [arguments.text(f"answers[{at}]", answer)] if isinstance(answer, str) else arguments.texts(f"answers[{at}]", answer)
        for at, answer in enumerate(listed)
    ]


def history(found: Optional[core.History]) -> core.History:
    """The history, which is there only when conversations are kept."""
    if found is None:
        from .errors import NotFoundError

        error = NotFoundError("conversations are not kept")
        error.hint = "open the Nexus with keep='on' and an account"
        raise error
    return found


def operation(line: object, name: object, given: object) -> tuple[str, str, str]:
    """An operation of a line, and its arguments as JSON."""
    line = arguments.one_of("line", line, ("v1", "v2"))
    written = arguments.encode("given", {} if given is None else arguments.mapping("given", given))
    return line, arguments.text("operation", name), written
