"""The end of the program: turns are stopped and servers ended before the interpreter goes."""

from __future__ import annotations

_prepared = False


def prepare() -> None:
    """Sees to it; once."""
    global _prepared
    if not _prepared:
        import atexit

        _prepared = True
        atexit.register(_end)


def _end() -> None:
    from . import _logging
    from . import _native as core

    _logging.drain()
    core.shutdown()
    _logging.drain()
