"""The pieces of which a prompt is made. A prompt is a text, or a list of texts and these.

::

    chat.prompt(["What is in this picture?", image("shot.png"), file("src/lib.rs", lines=(1, 40))])
"""

from __future__ import annotations

from . import _arguments as arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping
    from typing import Any, Optional, Union

    Piece = Mapping[str, Any]
    Prompt = Union[str, Piece, Iterable[Union[str, Piece]]]

_KINDS = ("text", "context", "file", "image", "agent", "subtask")
_LARGEST_IMAGE = 48 * 1024 * 1024
_IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}


def text(said: str) -> Piece:
    """What the person says."""
    return {"type": "text", "text": arguments.text("said", said)}


def context(said: str) -> Piece:
    """Text that goes along for the model and that the person did not write."""
    return {"type": "context", "text": arguments.text("said", said)}


def file(path: Union[str, os.PathLike[str]], lines: Optional[tuple[int, int]] = None) -> Piece:
    """A text file that the server reads itself, wholly or by lines (from 1, both ends included)."""
    import os.path

    found = arguments.path("path", path)
    if not found:
        raise ValueError("path is empty")
    piece: dict[str, Any] = {"type": "file", "path": os.path.abspath(found)}
    if lines is not None:
        pair = list(arguments.items("lines", lines))
        if len(pair) != 2:
            raise ValueError("lines must be two numbers: the first line and the last")
        piece["lines"] = [arguments.number("lines", line) for line in pair]
    return piece


def url(address: str, mime: str = "text/plain", filename: Optional[str] = None) -> Piece:
    """A file by its address: ``file:`` as the server sees it, or ``data:``."""
    return {
        "type": "file",
        "url": arguments.text("address", address),
        "mime": arguments.text("mime", mime),
        "filename": arguments.optional("filename", filename),
    }


def image(
    source: Union[str, os.PathLike[str], bytes], mime: Optional[str] = None, filename: Optional[str] = None
) -> Piece:
    """An image, sent along inside the prompt: a file of this machine, or its bytes (then with ``mime``)."""
    import base64
    import os.path

    if isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    else:
        found = arguments.path("source", source)
        if not found:
            raise ValueError("source is empty")
        with open(found, "rb") as opened:
            data = opened.read(_LARGEST_IMAGE + 1)
        filename = filename or os.path.basename(found)
        mime = mime or _IMAGES.get(os.path.splitext(found)[1].lower())
    if mime is None:
        raise ValueError("mime is missing: name the type of the image, for example image/png")
    if len(data) > _LARGEST_IMAGE:
        raise ValueError(f"source has more than {_LARGEST_IMAGE} bytes")
    return {
        "type": "image",
        "mime": arguments.text("mime", mime),
        "data": base64.b64encode(data).decode("ascii"),
        "filename": arguments.optional("filename", filename),
    }


def agent(name: str) -> Piece:
    """A mention of an agent."""
    return {"type": "agent", "name": arguments.text("name", name)}


def subtask(agent: str, prompt: str, description: str = "") -> Piece:
    """Work for a sub-agent."""
    return {
        "type": "subtask",
        "agent": arguments.text("agent", agent),
        "prompt": arguments.text("prompt", prompt),
        "description": arguments.text("description", description),
    }


def pieces(prompt: Prompt) -> list[dict[str, Any]]:
    """The prompt as its pieces; the core checks what is in each."""
    if isinstance(prompt, str):
        return [{"type": "text", "text": arguments.text("prompt", prompt)}]
    given: Any = prompt
    if given is None:
        raise TypeError("prompt must be a str or a list of parts, not None")
    listed: Iterable[Any] = [given] if isinstance(given, dict) else arguments.items("prompt", given)
    found: list[dict[str, Any]] = []
    for number, piece in enumerate(listed):
        name = f"prompt[{number}]"
        if isinstance(piece, str):
            found.append({"type": "text", "text": arguments.text(name, piece)})
        elif isinstance(piece, dict):
            fields = arguments.mapping(name, piece)  # pyright: ignore[reportUnknownArgumentType]
            arguments.one_of(f"{name}['type']", fields.get("type"), _KINDS)
            found.append({key: value for key, value in fields.items() if value is not None})
        else:
            raise TypeError(f"{name} must be a str or a dict, not {type(piece).__name__}")
    if not found:
        raise ValueError("prompt is empty")
    return found
