"""How records look in a terminal and in a notebook: short, and never as markup that somebody else has written."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LONG = 60
_ROWS = 40


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, (str, int, float, bool)) else _shape(value)
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"


def _shape(value: Any) -> str:
    kind = type(value).__name__
    if kind == "dict":
        return "{" + ", ".join(map(str, value)) + "}"
    if kind == "list":
        return f"[{len(value)} items]" if value else "[]"
    return repr(value)


def repr_of(name: str, fields: dict[str, Any]) -> str:
    """One line: the class, and the fields that say something."""
    said = [f"{key}={_short(value)}" for key, value in fields.items() if value is not None and value != {}]
    return f"{name}({', '.join(said)})"


def html_of(name: str, fields: dict[str, Any]) -> str:
    """A small table."""
    from html import escape

    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(str(key))}</th><td style='text-align:left'>{escape(_short(value))}</td></tr>"
        for key, value in list(fields.items())[:_ROWS]
        if value is not None
    )
    return f"<table><caption>{escape(name)}</caption>{rows}</table>"
