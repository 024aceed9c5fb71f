"""Runs a command's work in a session: settings, history, progress and logs around it, and Ctrl-C in the midst of it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from contextlib import ExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from codeconductor.cli import console
from codeconductor.cli.entry import Ending
from codeconductor.cli.logs import logging_to
from codeconductor.cli.signals import raise_interrupts
from codeconductor.events import Event, Recorded, Warned
from codeconductor.session import Session
from codeconductor.settings import HistorySettings, data_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
    from pathlib import Path
    from types import FrameType

    from codeconductor.errors import ConductorError

T = TypeVar("T")

RECORDED = "what was complete is recorded: `conductor show last` shows it"
"""What an interrupt is raised with where the answers so far are in the history."""

_PATIENCE = 0.8
"""Seconds that closing may take after Ctrl-C before the process ends anyway."""

_INTERRUPTED = b"Error: interrupted\nHint: `conductor history` lists what was recorded\n"

_CLOSING = 0.5
"""Seconds that what plugins left behind may take to end; less than the patience after Ctrl-C, which has a last word."""

_FILES = 4096
"""Files that may be open at once: each connection is one, and some systems allow 256 to who does not ask for more."""


def in_session(
    work: Callable[[Session], Awaitable[T]],
    *,
    overrides: Mapping[str, object] | None = None,
    log_file: str | None = None,
    progress: bool = False,
    folder: Path | None = None,
    builtin: Mapping[str, object] | None = None,
    branches: bool = False,
) -> T:
    """Start a session, do the work in it, and close everything.

    Args:
        work: What to do; given the session. What it does before it gives an awaitable can wait for a person: that is
            interrupted like any program, and nothing is shown of progress yet.
        overrides: Settings tables from the command line.
        log_file: Path of `--log-file`.
        progress: Whether to show how models get on, and to record the run.
        folder: Whose settings count; the current folder unless given.
        builtin: Further plugin objects of the command's own, by name.
        branches: Whether to record the runs in branches of the session; of them nothing is shown.

    Raises:
        ConductorError: What the work refuses.
        KeyboardInterrupt: Ctrl-C or SIGTERM; what was complete is recorded.
    """
    from codeconductor.history import History

    _allow_files()
    with ExitStack() as exits:
        history = History(data_folder())
        exits.callback(history.close)
        session = Session.start(folder, overrides=overrides, builtin={"history": history, **(builtin or {})})
        is_recorded = False

        def note(event: Event) -> None:
            nonlocal is_recorded
            is_recorded = is_recorded or isinstance(event, Recorded)

        session.events.subscribe(note)
        if (progress or branches) and session.settings("history", HistorySettings).enabled:
            session.events.subscribe(history.listen)
            session.on_branch.append(lambda branch: branch.events.subscribe(history.listener()))
        else:
            session.plugins.unregister("history")
        exits.enter_context(logging_to(session, log_file))
        try:
            begun = work(session)
        finally:
            for message in session.warnings:  # what came before anybody listened
                console.warning(message)
        if progress:
            exits.enter_context(_progress(session))
        else:
            session.events.subscribe(_show_warning)

        async def main() -> T:
            async with session:
                return await begun

        try:
            return _interruptibly(main())
        except KeyboardInterrupt:
            if is_recorded:
                raise KeyboardInterrupt(RECORDED) from None
            raise


@asynccontextmanager
async def open_session(
    *, overrides: Mapping[str, object] | None = None, log_file: str | None = None, records: bool = True
) -> AsyncIterator[Session]:
    """A session for one request of a command that serves many, with history and logs; nothing is shown.

    Several may be open at once in one event loop.

    Args:
        overrides: Settings tables of the request.
        log_file: Path of `--log-file`.
        records: Whether runs are recorded, where the settings allow it.

    Raises:
        InputError: The settings or the log file are wrong.
    """
    from codeconductor.history import History

    _allow_files()
    with ExitStack() as exits:
        history = History(data_folder())
        exits.callback(history.close)
        session = Session.start(overrides=overrides, builtin={"history": history})
        if records and session.settings("history", HistorySettings).enabled:
            session.events.subscribe(history.listen)
        else:
            session.plugins.unregister("history")
        exits.enter_context(logging_to(session, log_file))
        async with session:
            yield session


def _allow_files() -> None:
    """Let this process have `_FILES` open, or as many as the system lets it have."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _show_warning(event: Event) -> None:
    if isinstance(event, Warned):
        console.warning(event.message)


def _progress(session: Session) -> Any:
    if console.is_live():
        from codeconductor.cli.live import LiveProgress

        return LiveProgress(session)
    from codeconductor.cli.plain import PlainProgress

    return PlainProgress(session)


def _interruptibly(work: Coroutine[Any, Any, T]) -> T:
    """Run to the end, or to the first Ctrl-C, SIGTERM or closed terminal; a second one ends the process at once.

    The handlers are Python's own and not the event loop's, which never runs them while a plugin keeps it busy. A signal
    wakes the loop all the same: one that came just before it fell asleep would be heard only when something else
    happens.
    """
    interrupted = False
    ear, bell = socket.socketpair()
    ear.setblocking(False)
    bell.setblocking(False)

    async def main() -> T:
        task = asyncio.current_task()
        assert task is not None
        loop = asyncio.get_running_loop()

        def interrupt(_signal: int, _frame: FrameType | None) -> None:
            nonlocal interrupted
            if interrupted:
                _leave()
            interrupted = True
            loop.call_soon_threadsafe(task.cancel)
            watch = threading.Timer(_PATIENCE, _leave)
            watch.daemon = True
            watch.start()

        with suppress(NotImplementedError, ValueError):  # Windows, whose loop wakes anyway, or not the main thread
            loop.add_reader(ear, ear.recv, 4096)
            signal.set_wakeup_fd(bell.fileno(), warn_on_full_buffer=False)
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            with suppress(AttributeError, ValueError):  # Windows, or not the main thread
                signal.signal(getattr(signal, name), interrupt)
        try:
            return await work
        finally:
            if not interrupted:
                raise_interrupts()

    runner = asyncio.Runner()
    try:
        return runner.run(main())
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        _close(runner)
        with suppress(ValueError):  # not the main thread
            signal.set_wakeup_fd(-1)
        ear.close()
        bell.close()


def _close(runner: asyncio.Runner) -> None:
    """Close the event loop, if need be in vain: a plugin's task may swallow its cancellation, and a thread go on."""
    closing = threading.Thread(target=runner.close, daemon=True)
    closing.start()
    closing.join(_CLOSING)
    if closing.is_alive():
        Ending.must_be_forced = True


def _leave() -> NoReturn:
    """End the process here and now; it is still said why, unless the terminal takes nothing more."""
    below = b"\x1b[?25h\n" if console.is_live() else b""  # live progress hides the cursor
    with suppress(OSError, AttributeError):  # a stopped terminal takes nothing; Windows cannot be asked
        terminal = sys.stderr.fileno()
        os.set_blocking(terminal, False)
        try:
            os.write(terminal, below + _INTERRUPTED)
        finally:
            os.set_blocking(terminal, True)
    os._exit(130)


def raise_error(error: ConductorError | None) -> None:
    """End the command with the error of a run, now that its result is printed."""
    if error is not None:
        raise error
