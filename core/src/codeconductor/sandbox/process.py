"""Starts payloads in a sandbox, waits until they are ready, and ends them."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from codeconductor.sandbox.payload import ENVIRONMENT, Payload, Sandbox, next_user, threads_of_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor.sandbox.values import Limits

DONE = struct.Struct("!ci?")
"""What our part inside says at the end: ``D``, the exit status, whether the folders were emptied."""

_STARTING = 30.0
"""Seconds within which a sandbox has started, however loaded the machine is."""

ENDING = 10.0
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
        report: int | None = None,
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
                        report=report,
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
                        pass_fds=(theirs.fileno(), *(() if report is None else (report,))),
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
            self.process.wait(ENDING)
        self._errors.seek(0)
        return last_line(self._errors.read(65536))

    def close(self) -> None:
        """End everything that runs in there. It may be called twice."""
        with suppress(OSError):
            self.control.shutdown(socket.SHUT_RDWR)
        self.control.close()
        try:
            self.process.wait(ENDING)
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


def last_line(text: bytes) -> str:
    """The last line of what a program printed."""
    lines = text.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
