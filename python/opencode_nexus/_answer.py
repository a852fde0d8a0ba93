"""What the agent answers in a turn, folded from its events; and which of them only repeat the prompt."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .events import ChatEvent


def is_prompt(fields: dict[str, Any], prompt: str) -> bool:
    """Whether an event tells what the person has said themselves, which is no news of the turn."""
    return fields["type"] in ("text", "text_replaced") and fields["message_id"] == prompt


class Answer:
    """The texts of the agent's messages. What a person says in the turn and what the server notes is told as well, and is no answer."""

    __slots__ = ("_others", "_parts")

    def __init__(self, prompt: str) -> None:
        self._others = {prompt}
        self._parts: dict[str, str] = {}

    def read(self, event: ChatEvent) -> None:
        """The next event."""
        if event.type == "message" and event.message.role != "assistant":
            self._others.add(event.message.id)
        elif event.type == "text" and event.kind == "text":
            if event.message_id not in self._others:
                self._parts[event.part_id] = self._parts.get(event.part_id, "") + event.delta
        elif event.type == "text_replaced" and event.kind == "text":
            if event.message_id not in self._others:
                self._parts[event.part_id] = event.text
        elif event.type == "part_removed":
            self._parts.pop(event.part_id, None)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._parts.values())
