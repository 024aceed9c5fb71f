"""Bounds plugins that do not wait, or do not end, as coroutines should.

asyncio can cancel a coroutine only while it waits; one that blocks (`time.sleep`, a library that knows no async) stops
everybody, timeouts included. So while discovery runs, an interval timer interrupts any single step of a task that takes
too long, the tasks that plugins make themselves included. That needs POSIX timers and the main thread; elsewhere, and
where the program uses the timer itself, such a plugin is not bounded. Nor is one that blocks inside of C code which
does not look for signals, in a hook that is no coroutine function, or when discovery is over: Ctrl-C ends it.

A coroutine may also swallow its cancellation. `within` does not wait for it to end.
"""

from __future__ import annotations

import asyncio
import inspect
import signal
import threading
import types
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from codeconductor.errors import is_fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator

T = TypeVar("T")

STEP_TIMEOUT = 3.0
"""Seconds that a plugin may run without waiting: enough to import what it needs from a cold disk, and less than the
time that hosts have to answer, so that the others still get theirs."""

FAREWELL = 0.2
"""Seconds that a plugin gets for its clean-up when it is cancelled."""


class Blocked(Exception):
    """A plugin ran too long without waiting."""


class Interrupt(BaseException):
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
        self.is_ours = False
        if threading.current_thread() is threading.main_thread():  # not where what is left after Ctrl-C is closed
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _ring(self, _number: int, _frame: types.FrameType | None) -> None:
        if self._stepping:  # else it rang just when the step was over
            raise Interrupt

    def step(self, resume: Callable[[Any], Any], value: object) -> Any:
        """Run one step of a coroutine, at most `STEP_TIMEOUT` seconds while the timer is ours."""
        if not self.is_ours:  # what was left behind goes on when discovery is over
            return resume(value)
        self._stepping = True
        signal.setitimer(signal.ITIMER_REAL, STEP_TIMEOUT)
        try:
            return resume(value)
        finally:
            self._stepping = False
            signal.setitimer(signal.ITIMER_REAL, 0)


_timer = _Timer()


@asynccontextmanager
async def bounded_steps() -> AsyncIterator[None]:
    """While this is entered, the steps of every new task are bounded, as far as they can be here."""
    if not _timer.take():
        yield
        return
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **named: Any) -> asyncio.Future[Any]:
        if before is not None:
            task = before(loop, _bounded(coroutine), **named)
        else:
            task = asyncio.Task(_bounded(coroutine), loop=loop, **named)
        task.add_done_callback(lambda _task: discard(coroutine))
        return task

    loop.set_task_factory(make)
    try:
        yield
    finally:
        loop.set_task_factory(before)
        _timer.give_back()


def discard(awaitable: object) -> None:
    """Close what was never begun, as its task was cancelled before: Python would warn a person of it."""
    if inspect.iscoroutine(awaitable) and inspect.getcoroutinestate(awaitable) == inspect.CORO_CREATED:
        awaitable.close()


async def within(seconds: float, awaitable: Awaitable[T], until: Callable[[], float] | None = None) -> T:
    """Await what a plugin gave, in a task of its own and no longer than that, though it may not end when cancelled.

    Args:
        seconds: That it may take.
        awaitable: What is awaited.
        until: When these are over, tells the time by the event loop's clock up to which it may go on all the same.

    Raises:
        TimeoutError: It took longer.
        Blocked: A step took longer than `STEP_TIMEOUT`.
    """

    async def awaited() -> T | SystemExit | KeyboardInterrupt:
        try:
            return await awaitable
        except (SystemExit, KeyboardInterrupt) as exc:  # it would end the event loop
            if not is_fault(exc):
                raise
            return exc

    task = asyncio.create_task(awaited())
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        left = until() - asyncio.get_running_loop().time() if until is not None and not done else 0.0
        if left > 0:
            done, _ = await asyncio.wait({task}, timeout=left)
    except asyncio.CancelledError:
        await leave_behind(task)
        discard(awaitable)
        raise
    if not done:
        await leave_behind(task)
        raise TimeoutError
    result = task.result()
    if isinstance(result, SystemExit | KeyboardInterrupt):
        raise result
    return result


_left_behind: set[asyncio.Task[Any]] = set()
"""Tasks that were cancelled; an event loop alone does not keep them alive to their end."""


async def leave_behind(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end, though no longer than `FAREWELL`."""
    _left_behind.add(task)
    task.add_done_callback(_end)
    task.cancel()
    await asyncio.wait({task}, timeout=FAREWELL)


def _end(task: asyncio.Task[Any]) -> None:
    _left_behind.discard(task)
    if not task.cancelled():
        task.exception()  # taken, so that nobody is told of it


async def _bounded(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        return await _stepwise(coroutine)
    except Interrupt:
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
