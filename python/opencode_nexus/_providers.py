"""Context that is written in Python: a thread takes what the core asks for, and each call runs in a thread of its own."""

from __future__ import annotations

import os

from . import _arguments as arguments
from . import _native as core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable, Mapping
    from typing import Any, Callable, Optional, Protocol, Union

    Item = Union[str, Mapping[str, Any]]
    Items = Union[Item, Iterable[Item], None]
    Provide = Callable[[Optional[str]], Union[Items, Awaitable[Items]]]

    class ProviderObject(Protocol):
        """An object that gives context. It may have ``summary``, ``argument``, ``needs_argument`` and ``suggest`` as well."""

        def provide(self, argument: Optional[str], /) -> Union[Items, Awaitable[Items]]:
            """What a mention means."""
            ...

    Provider = Union[Provide, ProviderObject]

_FIELDS = frozenset(("title", "text", "language", "foreign", "weight"))


class Providers:
    """The providers of one connection."""

    __slots__ = ("native", "_known", "_process", "__weakref__")

    def __init__(self) -> None:
        self.native = core.Providers()
        self._known: dict[str, Any] = {}
        self._process = 0

    def add_all(self, given: Optional[Mapping[str, Provider]]) -> None:
        """Several, by their names."""
        if given is None:
            return
        if not hasattr(given, "items"):
            raise TypeError(f"providers must be a dict, not {type(given).__name__}")
        for name, provider in given.items():
            self.add(name, provider)

    def add(self, name: str, provider: Provider) -> None:
        """One."""
        name = arguments.text("name", name, 4096)
        if not (name[:1].isalpha() and name.isascii() and name.islower() and name.replace("-", "").isalnum()):
            raise ValueError(f"name must have lower case letters, digits and hyphens, a letter first, not {name!r}")
        provide = getattr(provider, "provide", provider)
        if not callable(provide):
            raise TypeError(f"provider must be callable or have a method `provide`, not {type(provider).__name__}")
        summary = getattr(provider, "summary", None) or (getattr(provider, "__doc__", None) or name).strip()
        self._known[name] = provider
        self.native.provide(
            name,
            arguments.text("summary", str(summary).splitlines()[0] if summary else name),
            arguments.optional("argument", getattr(provider, "argument", None)),
            bool(getattr(provider, "needs_argument", False)),
        )
        if self._process != os.getpid():
            import threading
            import weakref

            self._process = os.getpid()
            weakref.finalize(self, self.native.close)
            # It holds what it needs and not this object, so that it ends with it.
            work = (self.native, self._known)
            threading.Thread(target=_serve, args=work, name="opencode-nexus-context", daemon=True).start()

    def remove(self, name: str) -> None:
        """Takes one away."""
        if self._known.pop(arguments.text("name", name), None) is None:
            raise KeyError(name)
        self.native.withdraw(name)

    def close(self) -> None:
        """Nobody answers any more."""
        self.native.close()


def _serve(native: core.Providers, known: dict[str, Any]) -> None:
    import threading
    from json import loads

    while True:
        call = native.next_call().wait()
        if call is None:
            return
        asked = loads(call)
        threading.Thread(target=_answer, args=(native, known, asked), daemon=True).start()


def _answer(native: core.Providers, known: dict[str, Any], asked: dict[str, Any]) -> None:
    number, name = asked["number"], asked["provider"]
    try:
        provider = known[name]
        if asked["what"] == "suggest":
            suggest = getattr(provider, "suggest", None)
            answer: Any = [] if suggest is None else arguments.texts("suggestions", _ended(suggest(asked["argument"])))
        else:
            provide = getattr(provider, "provide", provider)
            answer = _items(_ended(provide(asked["argument"])))
        native.answer(number, arguments.encode(f"what @{name} gave", answer))
    except BaseException as error:
        native.refuse(number, f"@{name} failed: {type(error).__name__}: {error}")


def _ended(said: Any) -> Any:
    if hasattr(said, "__await__"):
        from ._asks import run_alone

        return run_alone(said)
    return said


def _items(said: Items) -> list[dict[str, Any]]:
    if said is None:
        return []
    listed: Iterable[Any] = [said] if isinstance(said, (str, dict)) else arguments.items("context", said)
    found: list[dict[str, Any]] = []
    for item in listed:
        fields = {"text": item} if isinstance(item, str) else arguments.mapping("context", item)
        if not set(fields) <= _FIELDS:
            raise TypeError(f"context must be texts or dicts with {', '.join(sorted(_FIELDS))}")
        found.append({key: value for key, value in fields.items() if value is not None})
    return found
