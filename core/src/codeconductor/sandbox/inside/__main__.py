"""Starts inside of a sandbox: gives up rights, then runs a command or serves candidates.

A command is told about on the control socket: ``R`` before it starts, and when all that it started is gone, ``D`` with
its exit status. The exit status of this process says nothing: a payload could imitate it.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from typing import NoReturn

from .job import Job, apply_limits
from .kernel import DEVICE, READ, become, enter, file_rules, guard_process, refuse_calls, signal_scope
from .serve import DONE, serve, warm_up
from .sweep import Sweeper
from .waiting import Waiter

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_EVERYTHING = -1


def main() -> NoReturn:
    """Do the job that the first argument describes."""
    job: Job = json.loads(sys.argv[1])
    control = socket.socket(fileno=job["control"])
    control.set_inheritable(False)
    if not job["argv"]:
        warm_up()
    sweeper = Sweeper()
    scope = _confine(job, sweeper)
    if job["argv"]:
        _run_command(job, control, sweeper, scope)
    serve(job, control, sweeper, scope)


def _confine(job: Job, sweeper: Sweeper) -> int | None:
    """Give up what the job says; gives the ruleset that keeps signals of what is started from this process."""
    guard_process()
    is_alone = job["user"] is not None and become(job["user"])
    guard_process()  # a new user's process can be looked into again
    os.umask(0o077)
    scope = None
    if job["landlock"]:
        rules = [(path, READ) for path in job["read"]] + [(path, DEVICE) for path in _DEVICES]
        files = file_rules([*rules, (job["folder"], _EVERYTHING)])
        scope = signal_scope()
        if files is not None:
            enter(files)
        is_alone = is_alone or scope is not None
    if job["filtered"]:
        refuse_calls(namespaces=job["namespaces"])
    if is_alone:
        sweeper.rely_on_solitude()
    return scope


def _run_command(job: Job, control: socket.socket, sweeper: Sweeper, scope: int | None) -> NoReturn:
    control.sendall(b"R")
    waiter = Waiter(control)
    child = os.fork()
    if child == 0:
        try:
            waiter.leave_to_host()
            os.setsid()
            os.chdir(job["folder"])
            if scope is not None:
                enter(scope)
            apply_limits(job)
            os.execvpe(job["argv"][0], job["argv"], job["environment"])  # noqa: S606 - a shell is not wanted
        finally:
            os._exit(127)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    status = waiter.wait(child)
    sweeper.sweep(child)
    with contextlib.suppress(OSError):  # the host may be gone
        control.sendall(DONE.pack(b"D", status, True))
    os._exit(0)


if __name__ == "__main__":
    main()
