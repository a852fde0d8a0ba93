"""Which events of a turn only repeat the prompt, and when what was answered is the answer."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .records import TurnOutcome


def is_prompt(fields: dict[str, Any], prompt: str) -> bool:
    """Whether an event tells what the person has said themselves, which is no news of the turn."""
    return fields["type"] in ("text", "text_replaced") and fields["message_id"] == prompt


def whole(answer: str, outcome: TurnOutcome) -> str:
    """The answer, when the turn came to its end by itself."""
    if outcome.kind == "completed":
        return answer
    from .errors import AbortedError, ProviderError

    if outcome.kind == "aborted":
        raise AbortedError(outcome.error.message if outcome.error else "the turn was stopped")
    raise ProviderError(f"{outcome.error.name}: {outcome.error.message}" if outcome.error else "the turn failed")
