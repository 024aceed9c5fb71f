"""Runs a whole program once for each standard input, each time in a process of its own that is forked from this one."""

from __future__ import annotations

import io
import os
import select
import signal
import sys
import tempfile
import types
from collections.abc import Callable, Sequence
from typing import IO, NoReturn

_exit = os._exit

Write = Callable[[str, str, str | None], None]


def run_scripts(program: str, inputs: Sequence[str], most: int, write: Write) -> None:
    """Run the program and write an outcome for each input.

    It may end by whatever means it likes: only what it printed and how it ended counts.

    Args:
        program: Python source.
        inputs: Standard inputs.
        most: Characters of output; more is ``unreadable``.
        write: Takes kind, value and None.
    """
    try:
        code = compile(program, "<candidate>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        for _ in inputs:
            write("raised", type(exc).__name__, None)
        return
    for text in inputs:
        write(*_run_once(code, text, most), None)


def _run_once(code: types.CodeType, text: str, most: int) -> tuple[str, str]:
    output, its_output = os.pipe()
    ending, its_ending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(output)
        os.close(ending)
        _become_program(code, text, its_output, its_ending)
    os.close(its_output)
    os.close(its_ending)
    try:
        printed, status = _watch(child, output, most)
        os.set_blocking(ending, False)  # a process that it left behind may hold it open
        raised = _read(ending)
    finally:
        os.close(output)
        os.close(ending)
    if status is None:
        return "unreadable", ""
    if raised:
        return "raised", raised.decode("utf-8", "replace")
    if status != 0:
        return "died", ""
    try:
        return "printed", printed.decode("utf-8")
    except UnicodeDecodeError:
        return "unreadable", ""


def _watch(child: int, output: int, most: int) -> tuple[bytes, int | None]:
    """What the program prints until it ends, and its status; None where it printed too much, and was ended for it.

    It has ended when its first process has: one that it left behind may hold its output open for ever.
    """
    printed = bytearray()
    poll = select.poll()
    poll.register(output, select.POLLIN)
    ended = os.pidfd_open(child) if hasattr(os, "pidfd_open") else None
    if ended is not None:
        poll.register(ended, select.POLLIN)
    os.set_blocking(output, False)
    try:
        while True:
            ready = [fd for fd, _ in poll.poll()]
            part = _read(output) if output in ready else None
            if part:
                printed += part
                if len(printed) > most:
                    os.kill(child, signal.SIGKILL)
                    os.waitpid(child, 0)
                    return b"", None
                continue
            if part == b"":
                poll.unregister(output)
            if ended in ready or (ended is None and part == b""):
                return bytes(printed), os.waitpid(child, 0)[1]
    finally:
        if ended is not None:
            os.close(ended)


def _read(fd: int) -> bytes | None:
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return None


def _become_program(code: types.CodeType, text: str, output: int, ending: int) -> NoReturn:
    """Take the program's place: its input and output are descriptors 0 and 1, as they are for any program."""
    with _anonymous_file() as stdin:
        stdin.write(text.encode("utf-8", "surrogatepass"))
        stdin.seek(0)
        os.dup2(stdin.fileno(), 0)
    os.dup2(output, 1)
    os.closerange(3, ending)
    os.closerange(ending + 1, 256)
    sys.stdin = io.TextIOWrapper(open(0, "rb", closefd=False), encoding="utf-8")  # noqa: SIM115
    raw = open(1, "wb", closefd=False)  # noqa: SIM115
    sys.stdout = io.TextIOWrapper(raw, encoding="utf-8", errors="surrogateescape")
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module
    status = 0
    try:
        exec(code, module.__dict__)  # noqa: S102
    except SystemExit as exc:
        if exc.code not in (None, 0):
            status = _say(ending, "SystemExit")
    except BaseException as exc:  # noqa: BLE001 - a program may raise anything
        status = _say(ending, str(type.__getattribute__(type(exc), "__name__")))
    try:
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - it may have put anything in the place of its output
        status = status or 1
    _exit(status)


def _anonymous_file() -> IO[bytes]:
    """A file in memory, where the system has such; the disk costs as much as all the rest."""
    return (
        os.fdopen(os.memfd_create("stdin"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile(dir=".")
    )


def _say(ending: int, name: str) -> int:
    os.write(ending, name.encode("utf-8", "replace")[:200])
    return 1
