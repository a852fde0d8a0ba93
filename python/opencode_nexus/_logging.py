"""What the core says about itself arrives at the logger ``opencode_nexus``.

A thread takes the lines and hands them to ``logging``, so that nothing in the core ever waits for the interpreter. Which lines
there are is decided by the level of the logger: it is looked at whenever a connection or a conversation is opened.
"""

from __future__ import annotations

import os

from . import _native as core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_NAME = "opencode_nexus"
_process = 0
"""The process in which the thread runs: a child of a fork has none."""


def follow() -> None:
    """Asks ``logging`` what it wants to hear, and starts the thread that tells it."""
    import logging

    global _process
    core.log_level(logging.getLogger(_NAME).getEffectiveLevel())
    if _process != os.getpid():
        import threading

        _process = os.getpid()
        threading.Thread(target=_hand_over, name="opencode-nexus-logging", daemon=True).start()


def say(message: str) -> None:
    """Something that a person may want to know who wonders why nothing goes on."""
    import logging

    logging.getLogger(_NAME).info(message)


def drain() -> None:
    """Hands over what waits now."""
    if _process == os.getpid():
        _tell(core.take_logs(False) or ())


def _hand_over() -> None:
    while True:
        lines = core.take_logs(True)
        if lines is None:
            return
        _tell(lines)


def _tell(lines: Iterable[tuple[int, str, str]]) -> None:
    import logging

    for level, target, message in lines:
        logger = logging.getLogger(target if target.startswith(_NAME) else f"{_NAME}.{target}")
        if logger.isEnabledFor(level):
            # A percent sign in it is no place for an argument.
            logger.log(level, "%s", message)
