"""Runs a program in a process group of its own, within a time limit, and keeps the ends of what it prints."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from codeconductor import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

KEPT = 64 * 1024
"""Bytes that are kept of the beginning, and as many of the end, of what a program prints."""

_PATIENCE = 3.0
"""Seconds from being asked to end to being ended."""

_LAST_WORDS = 0.5
"""Seconds that are waited for the end of the output once the program itself has ended."""


@frozen
class Ended:
    """How a program ended: its exit status (negative: the signal), what it printed, whether its time was over."""

    status: int
    output: str
    timed_out: bool


async def run(
    argv: Sequence[str], *, folder: Path, environment: Mapping[str, str], given: bytes, timeout: float
) -> Ended:
    """Run a program to its end, and end with it all that it has started; also when this is cancelled, or we are killed.

    Args:
        argv: Program and arguments.
        folder: Where it starts.
        environment: All of it.
        given: On standard input, which ends after that.
        timeout: Seconds.

    Raises:
        OSError: It cannot be started.
        ValueError: An argument has a NUL.
    """
    with _watch() as watch:
        process = await asyncio.create_subprocess_exec(
            *argv,
            cwd=folder,
            env=dict(environment),
            stdin=asyncio.subprocess.PIPE if given else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        watch(process.pid)
        return await _ended(process, given, timeout)


async def _ended(process: asyncio.subprocess.Process, given: bytes, timeout: float) -> Ended:
    first, last = bytearray(), bytearray()
    reading = asyncio.create_task(_read(process, first, last))
    giving = asyncio.create_task(_give(process, given))
    timed_out = False
    try:
        try:
            async with asyncio.timeout(timeout):
                await process.wait()
        except TimeoutError:
            timed_out = True
            _signal(process, signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await process.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await asyncio.shield(reading)
    finally:
        _signal(process, signal.SIGKILL)
        giving.cancel()
        reading.cancel()
        await asyncio.gather(giving, reading, process.wait(), return_exceptions=True)
    assert process.returncode is not None
    gap = b"\n[\xe2\x80\xa6]\n" if len(last) >= KEPT else b""
    return Ended(process.returncode, bytes(first + gap + last).decode("utf-8", "replace"), timed_out)


_WATCHER = 'read -r group && ! read -r over && kill -s KILL -- "-$group"'
"""Ends a process group where its standard input ends before a second line has come."""


@contextmanager
def _watch() -> Iterator[Callable[[int], None]]:
    """Have a process group end where we are killed; gives what it is told by, with the group's number.

    A shell waits for the end of a pipe that we alone hold. So nothing is changed in how the program itself is started,
    and, other than by `PR_SET_PDEATHSIG`, its children are reached too.
    """
    try:
        watcher = subprocess.Popen(  # noqa: S603 - our own line
            ["/bin/sh", "-c", _WATCHER], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            cwd="/", env={}, start_new_session=True,
        )  # fmt: skip
    except OSError:  # there is no such shell: the program is run all the same
        yield lambda _: None
        return

    def tell(line: object) -> None:
        assert watcher.stdin is not None
        with suppress(OSError):  # it was ended by somebody
            watcher.stdin.write(f"{line}\n".encode())
            watcher.stdin.flush()

    try:
        yield tell
    finally:
        tell("over")
        watcher.communicate()


async def _read(process: asyncio.subprocess.Process, first: bytearray, last: bytearray) -> None:
    """By pieces and not by lines, which may be of any length."""
    assert process.stdout is not None
    while part := await process.stdout.read(1 << 16):
        room = max(0, KEPT - len(first))
        first += part[:room]
        last += part[room:]
        del last[:-KEPT]


async def _give(process: asyncio.subprocess.Process, given: bytes) -> None:
    if process.stdin is None:
        return
    with suppress(ConnectionError):  # it does not read
        process.stdin.write(given)
        await process.stdin.drain()
        process.stdin.close()


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    """To the whole group, whose leader may be gone already."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
