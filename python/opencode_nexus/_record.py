"""What every record has: attributes for what is known, and everything else by its name."""

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


def list_of(kind: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    return lambda values: [kind(value) for value in values]
