"""Checks what callers give before it is sent: what cannot be meant is a ``TypeError`` or ``ValueError`` that names the argument."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import Any, Optional, Union

LONGEST = 64 * 1024 * 1024
"""So many characters may a text have; no server takes more in one request."""


def text(name: str, value: object, longest: int = LONGEST) -> str:
    """A ``str`` that can be sent."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if len(value) > longest:
        raise ValueError(f"{name} has {len(value)} characters; at most {longest} can be sent")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{name} has a lone surrogate at position {error.start}, which is no character"
        ) from None
    return value


def optional(name: str, value: object, longest: int = LONGEST) -> Optional[str]:
    """The same, or ``None``."""
    return None if value is None else text(name, value, longest)


def identifier(name: str, value: object) -> str:
    """An identifier, or something that has one as ``id``."""
    if not isinstance(value, str):
        value = getattr(value, "id", value)
    value = text(name, value, 4096)
    if not value:
        raise ValueError(f"{name} is empty")
    return value


def optional_identifier(name: str, value: object) -> Optional[str]:
    """The same, or ``None``."""
    return None if value is None else identifier(name, value)


def path(name: str, value: Union[str, os.PathLike[str], None]) -> Optional[str]:
    """A path, as the system knows it."""
    if value is None:
        return None
    import os

    try:
        found = os.fspath(value)
    except TypeError:
        raise TypeError(f"{name} must be a path, not {type(value).__name__}") from None
    if not isinstance(found, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"{name} must be a path of type str, not {type(found).__name__}")
    if "\0" in found:
        raise ValueError(f"{name} has a null character")
    return text(name, found, 1 << 20)


def flag(name: str, value: object) -> bool:
    """A ``bool``."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be a bool, not {type(value).__name__}")
    return value


def number(name: str, value: object) -> int:
    """An ``int`` that counts something."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not 0 <= value < 1 << 53:
        raise ValueError(f"{name} must not be negative, and not {value}")
    return value


def seconds(name: str, value: object) -> float:
    """A time in seconds."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name} must be a number of seconds, not {type(value).__name__}")
    if not 0 <= value < 1e10:
        raise ValueError(f"{name} must be a number of seconds that is not negative, not {value!r}")
    return float(value)


def one_of(name: str, value: object, words: tuple[str, ...]) -> str:
    """One of some words."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a str, not {type(value).__name__}")
    if value not in words:
        raise ValueError(f"{name} must be {', '.join(map(repr, words[:-1]))} or {words[-1]!r}, not {value!r}")
    return value


def callback(name: str, value: object) -> Any:
    """Something that can be called, or ``None``."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} must be callable, not {type(value).__name__}")
    return value


def mapping(name: str, value: object) -> dict[str, Any]:
    """A ``dict``."""
    if not isinstance(value, dict):
        raise TypeError(f"{name} must be a dict, not {type(value).__name__}")
    return value  # pyright: ignore[reportUnknownVariableType]


def texts(name: str, values: object) -> list[str]:
    """Several texts."""
    return [text(f"{name}[{number}]", value) for number, value in enumerate(items(name, values))]


def items(name: str, values: object) -> Iterable[Any]:
    """Several things: a list, a tuple or another iterable, but no text."""
    if isinstance(values, (str, bytes)):
        raise TypeError(f"{name} must be a list, not {type(values).__name__}")
    try:
        return list(values)  # type: ignore[call-overload, no-any-return]
    except TypeError:
        raise TypeError(f"{name} must be a list, not {type(values).__name__}") from None


def encode(name: str, value: object) -> str:
    """A value as JSON."""
    from json import dumps

    try:
        written = dumps(value, ensure_ascii=False, allow_nan=False, default=plain)
        written.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name} has a lone surrogate in it, which is no character") from None
    except RecursionError:
        raise ValueError(f"{name} contains itself, or is too deep") from None
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None
    except ValueError as error:
        if "Circular" in str(error):
            raise ValueError(f"{name} contains itself") from None
        raise ValueError(f"{name}: {error}") from None
    if len(written) > 4 * LONGEST:
        raise ValueError(f"{name} has {len(written)} characters as JSON, which is more than can be sent")
    return written


def plain(value: object) -> object:
    """What JSON has no word for and that has a plain form all the same."""
    to_dict = getattr(value, "to_dict", None)
    if callable(to_dict):
        return to_dict()
    fspath = getattr(value, "__fspath__", None)
    if callable(fspath):
        return fspath()
    raise TypeError(f"a {type(value).__name__} cannot be sent")
