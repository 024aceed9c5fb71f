"""The host's side of one warm interpreter in a sandbox, which forks for each candidate that it is given."""

from __future__ import annotations

import json
import os
import select
import socket
import tempfile
import time
from typing import TYPE_CHECKING, BinaryIO

from codeconductor.sandbox.process import DONE, SandboxError, Started
from codeconductor.sandbox.scratch import fresh_folder, remove_folder
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor.sandbox.payload import Sandbox
    from codeconductor.sandbox.values import Limits

_SWEEPING = 20.0
"""Seconds within which a candidate is gone once that was ordered."""


@frozen(kw_only=True)
class Said:
    """What one process of a candidate said before it was gone.

    Attributes:
        lines: Whole lines, as many as there are.
        status: Its exit status, negative for a signal.
        timed_out: It was ended since its time was over.
    """

    lines: Sequence[bytes]
    status: int
    timed_out: bool


class Zygote:
    """One warm interpreter. It is used by one thread at a time; `close` may be called from any other.

    Attributes:
        sandbox: What it runs in.
        served: Candidates so far.
        is_clean: Whether the folders could be emptied after the last of them.

    Raises:
        SandboxError: It cannot be started.
    """

    def __init__(self, sandbox: Sandbox, limits: Limits) -> None:
        self.sandbox = sandbox
        self.served = 0
        self._folder = fresh_folder()
        try:
            self._started = Started.start(sandbox, folder=self._folder, limits=limits)
        except BaseException:
            remove_folder(self._folder)
            raise
        self._control = self._started.control
        self.is_clean = True

    def run(self, work: object, *, seconds: float, most: int) -> Said:
        """Fork a process for this work, and collect what it says until it and all that it left are gone.

        Args:
            work: What the process is told, as JSON.
            seconds: Of wall clock.
            most: Bytes that it may say.

        Raises:
            SandboxError: The interpreter itself is gone, or was never heard of again.
        """
        self.served += 1
        body = json.dumps(work).encode()
        with _shared(len(body)) as told, _shared(most) as heard:
            told.write(body)
            told.flush()
            try:
                socket.send_fds(self._control, [b"J"], [told.fileno(), heard.fileno()])
                status, timed_out = self._wait(time.monotonic() + seconds)
            except OSError as exc:
                raise SandboxError("the sandbox is gone") from exc
            data = _written(heard.fileno())
        return Said(lines=data.split(b"\n")[:-1], status=status, timed_out=timed_out)

    def _wait(self, deadline: float) -> tuple[int, bool]:
        """The exit status of the candidate, and whether its time was over; when this comes back, nothing is left."""
        said, timed_out = b"", False
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        while len(said) < DONE.size:
            if poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                part = self._control.recv(DONE.size - len(said))
                if not part:
                    raise SandboxError("the sandbox is gone")
                said += part
            elif timed_out:
                raise SandboxError("the sandbox does not answer")
            else:
                timed_out, deadline = True, time.monotonic() + _SWEEPING
                self._control.send(b"K")
        _, status, self.is_clean = DONE.unpack(said)
        return status, timed_out

    def close(self) -> None:
        """End it and all that runs in it. It may be called twice."""
        self._started.close()
        remove_folder(self._folder)


def _shared(size: int) -> BinaryIO:
    """A file in memory, of a size that nobody can change: what a candidate says costs no more than it may say."""
    if not hasattr(os, "memfd_create"):
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
        file.truncate(size)
        return file
    import fcntl  # not on every system

    fd = os.memfd_create("conductor", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.truncate(fd, size)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    return open(fd, "r+b")  # noqa: PTH123


def _written(fd: int) -> bytes:
    """What stands before the first zero byte, which JSON has none of."""
    parts = []
    offset = 0
    while part := os.pread(fd, 1 << 16, offset):
        written, zero, _ = part.partition(b"\0")
        parts.append(written)
        if zero:
            break
        offset += len(part)
    return b"".join(parts)


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
