"""OpenCode from Python: conversations that stay complete over an unreliable network.

::

    from opencode_nexus import Nexus

    with Nexus.local() as nexus:                       # finds a server or starts one
        chat = nexus.conversation(directory=".")
        for event in chat.prompt("Explain src/lib.rs"):
            if event.type == "text":
                print(event.delta, end="")

``Nexus`` waits, ``AsyncNexus`` is the same for asyncio. Everything that can go wrong is a ``NexusError`` with a stable ``code``.
What is not looked at is not loaded: importing the package costs a few milliseconds.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import accounts, errors, events, parts, records, stored
    from ._native import Event
    from .aio.conversation import AsyncConversation
    from .aio.events import AsyncEvents
    from .aio.feed import AsyncFeed
    from .aio.history import AsyncHistory
    from .aio.nexus import AsyncNexus
    from .aio.turn import AsyncTurn
    from .conversation import Conversation
    from .errors import NexusError
    from .events import ChatEvent
    from .feed import Feed
    from .history import History
    from .nexus import Nexus
    from .raw import Events
    from .turn import Turn

__all__ = [
    "AsyncConversation",
    "AsyncEvents",
    "AsyncFeed",
    "AsyncHistory",
    "AsyncNexus",
    "AsyncTurn",
    "ChatEvent",
    "Conversation",
    "Event",
    "Events",
    "Feed",
    "History",
    "Nexus",
    "NexusError",
    "Turn",
    "__version__",
    "accounts",
    "errors",
    "events",
    "parts",
    "records",
    "stored",
]

__version__ = "0.1.0"

# Where each name lives, so that it is loaded when it is first used.
_PLACES = {
    "AsyncConversation": ".aio.conversation",
    "AsyncEvents": ".aio.events",
    "AsyncFeed": ".aio.feed",
    "AsyncHistory": ".aio.history",
    "AsyncNexus": ".aio.nexus",
    "AsyncTurn": ".aio.turn",
    "ChatEvent": ".events",
    "Conversation": ".conversation",
    "Event": "._native",
    "Events": ".raw",
    "Feed": ".feed",
    "History": ".history",
    "Nexus": ".nexus",
    "NexusError": ".errors",
    "Turn": ".turn",
}
_MODULES = ("accounts", "errors", "events", "parts", "records", "stored")

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        from importlib import import_module

        if name in _PLACES:
            value = getattr(import_module(_PLACES[name], __name__), name)
        elif name in _MODULES:
            value = import_module(f".{name}", __name__)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
