"""Starts payloads in a sandbox, and runs a command in one to its end."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

import attrs

from codeconductor.sandbox.payload import ENVIRONMENT, Payload, Sandbox, next_user, threads_of_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor.sandbox.values import Limits

DONE = struct.Struct("!ci?")
"""What our part inside says at the end: ``D``, the exit status, whether the folders were emptied."""

_STARTING = 30.0
"""Seconds within which a sandbox has started, however loaded the machine is."""

_ENDING = 10.0
"""Seconds within which everything is gone once that was ordered."""


class SandboxError(Exception):
    """The sandbox itself failed: nothing that ran in it is to blame."""


class Started:
    """A sandbox that was started: the process, and the socket to our part inside. It is ready when `start` gives it."""

    def __init__(self, process: subprocess.Popen[bytes], control: socket.socket, errors: IO[bytes]) -> None:
        self.process = process
        self.control = control
        self._errors = errors

    @classmethod
    def start(
        cls,
        sandbox: Sandbox,
        *,
        argv: Sequence[str] = (),
        folder: Path,
        limits: Limits,
        environment: Mapping[str, str] | None = None,
        readable: Sequence[Path] = (),
        output: int = subprocess.DEVNULL,
    ) -> Self:
        """Start the command, or our server of candidates, and wait until rights are given up.

        Raises:
            SandboxError: The sandbox cannot be started; the message says why.
        """
        with ExitStack() as undone:
            ours, theirs = socket.socketpair()
            undone.callback(ours.close)
            errors = undone.enter_context(tempfile.TemporaryFile())
            try:
                with theirs:
                    user = next_user()
                    if user is not None:
                        _give_to(folder, user)
                    payload = Payload(
                        argv=tuple(argv),
                        folder=folder,
                        limits=limits,
                        environment=environment or {},
                        readable=tuple(readable),
                        control=theirs.fileno(),
                        user=user,
                        threads=threads_of_user() if user is None else 0,
                    )
                    process = subprocess.Popen(  # noqa: S603 - what is run here is what a sandbox is for
                        sandbox.command(payload),
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=output if argv else errors,
                        env=ENVIRONMENT,
                        start_new_session=True,
                        pass_fds=(theirs.fileno(),),
                    )
            except OSError as exc:
                raise SandboxError(str(exc)) from exc
            undone.pop_all()
        started = cls(process, ours, errors)
        try:
            started._wait_until_ready()
        except BaseException:
            started.close()
            raise
        return started

    def _wait_until_ready(self) -> None:
        self.control.settimeout(_STARTING)
        try:
            is_ready = self.control.recv(1) == b"R"
        except OSError as exc:
            raise SandboxError(f"it did not start within {_STARTING:g} s") from exc
        if not is_ready:
            raise SandboxError(self.said() or f"it ended with status {self.process.wait()}")
        self.control.settimeout(None)

    def said(self) -> str:
        """The last line of what the sandbox itself wrote to standard error."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(_ENDING)
        self._errors.seek(0)
        return _last_line(self._errors.read(65536))

    def close(self) -> None:
        """End everything that runs in there. It may be called twice."""
        with suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)
        self.control.close()
        try:
            self.process.wait(_ENDING)
        except subprocess.TimeoutExpired:  # our part inside was killed or held up
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._errors.close()


def _give_to(folder: Path, user: int) -> None:
    """Make a user the owner of a folder and all that is in it, links themselves and not what they point to."""
    os.chown(folder, user, user, follow_symlinks=False)
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(place, name), user, user, follow_symlinks=False)


def fresh_folder() -> Path:
    """A new folder, for `remove_folder` to remove."""
    return Path(tempfile.mkdtemp(prefix="conductor-sandbox-"))


def remove_folder(folder: Path) -> None:
    """Remove a folder that untrusted code wrote into; what nobody can remove stays."""
    from codeconductor.sandbox.inside.sweep import empty

    with suppress(OSError):
        empty(folder)
    shutil.rmtree(folder, ignore_errors=True)


@attrs.frozen(kw_only=True)
class Ended:
    """How a command ended.

    Attributes:
        status: Its exit status, negative for the signal that ended it; None: the sandbox ended before it could tell.
        output: What it printed on both streams: the beginning and the end, between them how much is left out.
        timed_out: Whether it was ended since its time was over.
        survived: Whether something that it started still holds its output open when all of it should be gone.
    """

    status: int | None
    output: bytes
    timed_out: bool
    survived: bool


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


class Command:
    """A command that runs in a sandbox: `wait` for it in a thread; `stop` ends it from any other.

    Args:
        sandbox: Where.
        argv: The command; its program is looked up in the PATH of `environment`.
        folder: What it may write, and where it starts; untouched paths in `argv` that lie in there should be relative.
        limits: What each of its processes may use; `seconds` of wall clock for all, and `output` in all.
        environment: All of it, less HOME and TMPDIR, which are the folder unless named.
        readable: What it may read beside the system's programs and our interpreter.

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
    ) -> None:
        self._limits = limits
        self._output, output = os.pipe()
        try:
            self._started = Started.start(
                sandbox,
                argv=argv,
                folder=folder,
                limits=limits,
                environment=environment,
                readable=readable,
                output=output,
            )
        except SandboxError as exc:
            said = _last_line(_read_all(self._output))
            os.close(self._output)
            raise SandboxError(said or str(exc)) from exc
        finally:
            os.close(output)

    def stop(self) -> None:
        """End it and all that it started; `wait` then comes back."""
        with suppress(OSError):
            self._started.control.send(b"K")

    def wait(self) -> Ended:
        """Wait until it has ended or its time is over and all that it started is gone. To be called once."""
        kept = _Kept(self._limits.output)
        try:
            status, timed_out = self._watch(kept)
            self._started.close()
            at_end = self._read(kept) == b""
        finally:
            self._started.close()
            os.close(self._output)
        return Ended(status=status, output=kept.text(), timed_out=timed_out, survived=not at_end)

    def _watch(self, kept: _Kept) -> tuple[int | None, bool]:
        control = self._started.control
        deadline = time.monotonic() + self._limits.seconds
        timed_out, said = False, b""
        os.set_blocking(self._output, False)
        poll = select.poll()
        poll.register(control, select.POLLIN)
        poll.register(self._output, select.POLLIN)
        while len(said) < DONE.size:
            ready = [fd for fd, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000)]
            if not ready:
                if timed_out:
                    return None, True
                timed_out, deadline = True, time.monotonic() + _ENDING
                self.stop()
            if self._output in ready and self._read(kept) == b"":
                poll.unregister(self._output)
            if control.fileno() in ready:
                part = control.recv(DONE.size - len(said))
                if not part:
                    return None, timed_out
                said += part
        return DONE.unpack(said)[1], timed_out

    def _read(self, kept: _Kept) -> bytes | None:
        """Read what is there; empty at the end of the stream, None where somebody may still write into it."""
        try:
            while part := os.read(self._output, 65536):
                kept.add(part)
        except BlockingIOError:
            return None
        return b""


def _read_all(fd: int) -> bytes:
    os.set_blocking(fd, False)
    with suppress(BlockingIOError):
        return os.read(fd, 65536)
    return b""


def _last_line(text: bytes) -> str:
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""


async def run_command(
    sandbox: Sandbox,
    argv: Sequence[str],
    *,
    folder: Path,
    limits: Limits,
    environment: Mapping[str, str],
    readable: Sequence[Path] = (),
) -> Ended:
    """Run a command in a sandbox as `Command` does; cancelled, it ends the command and all that it started first.

    Raises:
        SandboxError: The sandbox cannot be started.
    """
    starting = asyncio.create_task(
        asyncio.to_thread(
            Command, sandbox, argv, folder=folder, limits=limits, environment=environment, readable=readable
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
