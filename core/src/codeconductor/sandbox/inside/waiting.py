"""Waits for a forked process and for the host's orders at once."""

from __future__ import annotations

import os
import select
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket


class Waiter:
    """Wakes up when a child ends or the host says something on the control socket."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._poll = select.poll()
        self._poll.register(control, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def wait(self, child: int) -> int:
        """The child's exit status (negative: the signal that ended it); any order of the host ends it."""
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            for fd, _ in self._poll.poll():
                if fd == self._wake:
                    os.read(self._wake, 4096)
                else:
                    self._control.recv(1)
                    os.kill(child, signal.SIGKILL)
                    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def leave_to_host(self) -> None:
        """In a forked child: forget the host and the signals, which are its parent's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.close(self._wake)
        os.close(self._waker)
        self._control.close()
