"""Runs a command in a sandbox to its end, and keeps the beginning and the end of what it prints."""

from __future__ import annotations

import asyncio
import os
import select
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from codeconductor.sandbox.process import DONE, ENDING, SandboxError, Started, last_line
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from codeconductor.sandbox.payload import Sandbox
    from codeconductor.sandbox.values import Limits


@frozen(kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Its exit status, negative for the signal that ended it; None: the sandbox ended before it could tell.
        output: What it printed on both streams: the beginning and the end, between them how much is left out.
        timed_out: Whether it was ended since its time was over.
        survived: Whether something that it started still holds its output open when all of it should be gone.
        report: What it wrote into the pipe whose number is in `REPORT`; empty where none was asked for.
        report_cut: Whether that was more than is kept; what is kept is the beginning.
    """

    status: int | None
    output: bytes
    timed_out: bool
    survived: bool
    report: bytes = b""
    report_cut: bool = False


REPORT = "CONDUCTOR_REPORT"
"""The environment variable with the number of the pipe that a command reports into: what was written there cannot be
taken back or written over."""

_LONGEST_REPORT = 64 * 2**20
"""Bytes of a report that are kept."""


class _Kept:
    """The first and the last bytes of a stream."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._first = bytearray()
        self._last = bytearray()
        self._left_out = 0

    def add(self, part: bytes) -> None:
        room = max(0, self._half - len(self._first))
        self._first += part[:room]
        self._last += part[room:]
        spare = len(self._last) - self._half
        if spare > 0:
            self._left_out += spare
            del self._last[:spare]

    def text(self) -> bytes:
        gap = f"\n[… {self._left_out} bytes are left out …]\n".encode() if self._left_out else b""
        return bytes(self._first + gap + self._last)


class _Told:
    """The first bytes of a stream."""

    def __init__(self) -> None:
        self.first = bytearray()
        self.is_cut = False

    def add(self, part: bytes) -> None:
        room = max(0, _LONGEST_REPORT - len(self.first))
        self.first += part[:room]
        self.is_cut = self.is_cut or len(part) > room


class Command:
    """A command that runs in a sandbox: `wait` for it in a thread; `stop` ends it from any other.

    Args:
        sandbox: Where.
        argv: The command; its program is looked up in the PATH of `environment`.
        folder: What it may write, and where it starts; untouched paths in `argv` that lie in there should be relative.
        limits: What each of its processes may use; `seconds` of wall clock for all, and `output` in all.
        environment: All of it, less HOME and TMPDIR, which are the folder unless named.
        readable: What it may read beside the system's programs and our interpreter.
        reports: Whether it is given a pipe to report into, see `REPORT`.

    Raises:
        SandboxError: The sandbox cannot be started.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        argv: Sequence[str],
        *,
        folder: Path,
        limits: Limits,
        environment: Mapping[str, str],
        readable: Sequence[Path] = (),
        reports: bool = False,
    ) -> None:
        self._limits = limits
        self._output, output = os.pipe()
        self._report: int | None = None
        report: int | None = None
        if reports:
            self._report, report = os.pipe()
        try:
            self._started = Started.start(
                sandbox,
                argv=argv,
                folder=folder,
                limits=limits,
                environment=environment if report is None else {**environment, REPORT: str(report)},
                readable=readable,
                output=output,
                report=report,
            )
        except SandboxError as exc:
            said = last_line(_read_all(self._output))
            self._close_ours()
            raise SandboxError(said or str(exc)) from exc
        finally:
            os.close(output)
            if report is not None:
                os.close(report)

    def stop(self) -> None:
        """End it and all that it started; `wait` then comes back."""
        with suppress(OSError):
            self._started.control.send(b"K")

    def wait(self) -> Ended:
        """Wait until it has ended or its time is over and all that it started is gone. To be called once."""
        kept, told = _Kept(self._limits.output), _Told()
        try:
            status, timed_out = self._watch(kept, told)
            self._started.close()
            at_end = _read(self._output, kept) == b""
            if self._report is not None:
                _read(self._report, told)
        finally:
            self._started.close()
            self._close_ours()
        return Ended(
            status=status,
            output=kept.text(),
            timed_out=timed_out,
            survived=not at_end,
            report=bytes(told.first),
            report_cut=told.is_cut,
        )

    def _close_ours(self) -> None:
        os.close(self._output)
        if self._report is not None:
            os.close(self._report)

    def _watch(self, kept: _Kept, told: _Told) -> tuple[int | None, bool]:
        control = self._started.control
        deadline = time.monotonic() + self._limits.seconds
        timed_out, said = False, b""
        streams: dict[int, _Kept | _Told] = {self._output: kept}
        if self._report is not None:
            streams[self._report] = told
        poll = select.poll()
        poll.register(control, select.POLLIN)
        for stream in streams:
            os.set_blocking(stream, False)
            poll.register(stream, select.POLLIN)
        while len(said) < DONE.size:
            ready = [fd for fd, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000)]
            if time.monotonic() >= deadline:  # whoever writes without end is ready at any time
                if timed_out:
                    return None, True
                timed_out, deadline = True, time.monotonic() + ENDING
                self.stop()
            for stream in streams.keys() & set(ready):
                if _read(stream, streams[stream], 16) == b"":
                    poll.unregister(stream)
            if control.fileno() in ready:
                part = control.recv(DONE.size - len(said))
                if not part:
                    return None, timed_out
                said += part
        return DONE.unpack(said)[1], timed_out


def _read(fd: int, kept: _Kept | _Told, parts: int | None = None) -> bytes | None:
    """Read what is there, or so many parts of it; empty at the end of the stream, None where more may come."""
    try:
        while parts is None or parts > 0:
            part = os.read(fd, 65536)
            if not part:
                return b""
            kept.add(part)
            parts = None if parts is None else parts - 1
    except BlockingIOError:
        pass
    return None


def _read_all(fd: int) -> bytes:
    os.set_blocking(fd, False)
    with suppress(BlockingIOError):
        return os.read(fd, 65536)
    return b""


async def run_command(
    sandbox: Sandbox,
    argv: Sequence[str],
    *,
    folder: Path,
    limits: Limits,
    environment: Mapping[str, str],
    readable: Sequence[Path] = (),
    reports: bool = False,
) -> Ended:
    """Run a command in a sandbox as `Command` does; cancelled, it ends the command and all that it started first.

    Raises:
        SandboxError: The sandbox cannot be started.
    """
    starting = asyncio.create_task(
        asyncio.to_thread(
            Command,
            sandbox,
            argv,
            folder=folder,
            limits=limits,
            environment=environment,
            readable=readable,
            reports=reports,
        )
    )
    try:
        command = await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(SandboxError):
            await _end(await starting)
        raise
    waiting = asyncio.create_task(asyncio.to_thread(command.wait))
    try:
        return await asyncio.shield(waiting)
    except asyncio.CancelledError:
        command.stop()
        await waiting
        raise


async def _end(command: Command) -> None:
    command.stop()
    await asyncio.to_thread(command.wait)
