"""What Ctrl-C and SIGTERM do while no event loop listens: end the process at once, or raise where work may be lost."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

INTERRUPTED = 130

_NOTHING_LOST = b"Error: interrupted\nHint: nothing was recorded; start it again\n"


def end_at_once() -> None:
    """Until there is anything to keep: an exception might be raised in the midst of an import, and be lost there."""
    _handle(_end)


def raise_interrupts() -> None:
    """From then on, so that what was complete is still written."""
    _handle(_raise)


def hear_no_more() -> None:
    """Let no further signal replace the exit code: Python gives those that it handles back to the system as it ends."""
    _handle(signal.SIG_IGN, "SIGHUP")


def _handle(handler: Callable[[int, FrameType | None], NoReturn] | signal.Handlers, *further: str) -> None:
    for name in ("SIGINT", "SIGTERM", *further):
        with suppress(AttributeError, ValueError):  # Windows, or not the main thread
            signal.signal(getattr(signal, name), handler)


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    with suppress(OSError):
        os.write(2, _NOTHING_LOST)
    os._exit(INTERRUPTED)


def _raise(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
