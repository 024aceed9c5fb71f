"""Bounds a plugin that blocks where it should wait: `time.sleep`, or a request by a library that knows no async.

asyncio can cancel a coroutine only while it waits; one that blocks stops everybody, timeouts included. So while
discovery runs, an interval timer interrupts any single step of a plugin's coroutine that takes too long. That needs
POSIX timers and the main thread; elsewhere, and where the program uses the timer itself, such a plugin is not bounded.
Nor is one that blocks inside of C code which does not look for signals.
"""

from __future__ import annotations

import signal
import threading
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator

T = TypeVar("T")

STEP_TIMEOUT = 3.0
"""Seconds that a plugin may run without waiting: enough to import what it needs from a cold disk, and less than the
time that hosts have to answer, so that the others still get theirs."""


class Blocked(Exception):
    """A plugin ran too long without waiting."""


class _Interrupt(BaseException):
    """Raised inside of the step; no Exception, lest the plugin's own `except Exception` swallows it."""


class _Timer:
    """The process's one interval timer."""

    def __init__(self) -> None:
        self.is_ours = False
        self._stepping = False

    def take(self) -> bool:
        """Take the timer if it is free and can be used here."""
        if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
            return False
        if signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL or signal.getitimer(signal.ITIMER_REAL)[0]:
            return False
        signal.signal(signal.SIGALRM, self._ring)
        self.is_ours = True
        return True

    def give_back(self) -> None:
        """Leave the timer as it was found."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self.is_ours = False

    def _ring(self, _number: int, _frame: types.FrameType | None) -> None:
        if self._stepping:  # else it rang just when the step was over
            raise _Interrupt

    def step(self, resume: Callable[[Any], Any], value: object) -> Any:
        """Run one step of a coroutine, at most `STEP_TIMEOUT` seconds."""
        self._stepping = True
        signal.setitimer(signal.ITIMER_REAL, STEP_TIMEOUT)
        try:
            return resume(value)
        finally:
            self._stepping = False
            signal.setitimer(signal.ITIMER_REAL, 0)


_timer = _Timer()


@contextmanager
def bounded_steps() -> Iterator[None]:
    """While this is entered, `bounded` bounds, as far as it can here."""
    taken = _timer.take()
    try:
        yield
    finally:
        if taken:
            _timer.give_back()


async def bounded(awaitable: Awaitable[T]) -> T:
    """Await what a plugin gave, each step of it bounded.

    Raises:
        Blocked: A step took longer than `STEP_TIMEOUT`.
    """
    if not _timer.is_ours or threading.current_thread() is not threading.main_thread():
        return await awaitable

    async def awaited() -> T:
        return await awaitable

    try:
        return await _stepwise(awaited())
    except _Interrupt:
        raise Blocked(f"blocked for {STEP_TIMEOUT:g} s where it should wait") from None


@types.coroutine
def _stepwise(coroutine: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
    """`await coroutine`, step by step: what it yields is what the event loop waits for, and what comes back goes in."""
    resume: Callable[[Any], Any] = coroutine.send
    value: object = None
    while True:
        try:
            waits_for = _timer.step(resume, value)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]  # as typed as the coroutine is
        try:
            resume, value = coroutine.send, (yield waits_for)
        except BaseException as exc:  # noqa: BLE001 - a cancellation above all; the plugin sees it where it waits
            resume, value = coroutine.throw, exc
