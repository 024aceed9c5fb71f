"""From the arguments to the exit code: what goes wrong on the way is said in two lines."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

import click

from codeconductor.cli import console
from codeconductor.cli.group import conductor, contributed, source_of
from codeconductor.cli.signals import INTERRUPTED, hear_no_more
from codeconductor.errors import ConductorError, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO


_FAREWELL = 1.0
"""Seconds that threads of plugins may still take when a command is over."""


class Ending:
    """How the process ends.

    Attributes:
        must_be_forced: Something of a plugin goes on, and Python would wait for it.
    """

    must_be_forced = False


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command; gives its exit code and never raises what a user can cause."""
    _prepare_streams()
    try:
        exit_code = _run(arguments)
    finally:
        for stream in (sys.stdout, sys.stderr):
            _trouble(stream, silence=True)
    if Ending.must_be_forced or _is_kept():
        os._exit(exit_code)
    if exit_code == INTERRUPTED:
        hear_no_more()
    return exit_code


def _run(arguments: Sequence[str]) -> int:
    output = sys.stdout
    try:
        result = conductor.main(args=list(arguments), prog_name="conductor", standalone_mode=False)
        sys.stdout.flush()
    except click.ClickException as exc:
        console.error(_lower(exc.format_message()), _usage_hint(exc))
        return 2
    except ConductorError as exc:
        console.error(exc.message, exc.hint, exc)
        return exc.exit_code
    except (KeyboardInterrupt, click.Abort) as exc:
        cause = exc.__cause__ or exc  # click raises its own in place of the first
        console.error("interrupted", str(cause) or "nothing was recorded; start it again")
        return INTERRUPTED
    except SystemExit:
        if sys.stdout is output:
            raise
        return 0  # click puts something else in its place where nobody reads our output any more
    except OSError as exc:
        return _ended_by(exc, arguments)
    except BaseException as exc:  # noqa: BLE001 - the last line of defence: a bug is said, too
        return _fault(exc, arguments)
    return result if isinstance(result, int) else 0


def _is_kept() -> bool:
    """Whether threads of plugins go on, for whose end Python would wait."""
    if "threading" not in sys.modules:
        return False
    import threading
    import time

    until = time.monotonic() + _FAREWELL
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join(max(0.0, until - time.monotonic()))
            if thread.is_alive():
                return True
    return False


def _ended_by(exc: OSError, arguments: Sequence[str]) -> int:
    if isinstance(exc.__context__, KeyboardInterrupt):  # click could not even end the line: the terminal is closed
        return INTERRUPTED
    if isinstance(exc, BrokenPipeError):  # whoever read our output has enough of it
        return 0
    trouble = _trouble(sys.stdout)
    if trouble is None:
        return _fault(exc, arguments)
    console.error(f"cannot write to standard output: {trouble}", "free some space, or write somewhere else")
    return 2


def _fault(exc: BaseException, arguments: Sequence[str]) -> int:
    brought = contributed().get(arguments[0]) if arguments else None
    if brought is None:
        who, whose = "unexpected fault", "this is a bug"
    else:
        who, whose = f"the command {brought.name!r} of {source_of(brought)} failed", "report this to its author"
    console.error(f"{who}: {in_words(exc)}", f"{whose}; -vv shows where it is", exc)
    return 1


def _trouble(stream: TextIO, *, silence: bool = False) -> str | None:
    """Why a stream takes nothing more, None where it does; silenced, it does not fail again at the very end."""
    try:
        stream.flush()
    except OSError as exc:
        if silence:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return exc.strerror
    return None


def _prepare_streams() -> None:
    """Results are UTF-8 wherever they are not shown on a terminal of another encoding; nothing fails to print."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - open to the end
    if isinstance(getattr(sys.stdout, "buffer", None), io.RawIOBase):  # PYTHONUNBUFFERED; `_trouble` needs what is left
        buffer = io.BufferedWriter(sys.stdout.buffer)
        sys.stdout = io.TextIOWrapper(buffer, encoding=sys.stdout.encoding, line_buffering=True)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            encoding = stream.encoding if stream.isatty() else "utf-8"
            reconfigure(encoding=encoding, errors="backslashreplace")


def _lower(message: str) -> str:
    """Click begins its messages with a capital and ends them with a full stop; ours do neither."""
    return " ".join((message[:1].lower() + message[1:]).removesuffix(".").split())


def _usage_hint(exc: click.ClickException) -> str:
    context = getattr(exc, "ctx", None)
    return f"`{context.command_path if context else 'conductor'} --help` shows what can be said"
