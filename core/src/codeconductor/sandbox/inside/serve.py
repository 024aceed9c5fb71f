"""The warm interpreter: it has imported what candidates import, and forks for each of them.

It reads neither programs nor inputs nor results: they pass between the host and the forked process in files that only
these two hold, so nothing of one candidate is left in the memory that the next one is a copy of.

On the control socket the host sends ``J`` with two files, the work and what is said of it, and ``K`` to end it early.
The answers are ``R`` (ready, once), and for each candidate ``D`` (ended, and everything it left is gone), its exit
status and whether the folders could be emptied.
"""

from __future__ import annotations

import gc
import importlib
import os
import socket
import struct
import sys
from pathlib import Path
from typing import NoReturn

from .candidate import run
from .job import Job, apply_limits
from .kernel import enter
from .sweep import Sweeper, empty
from .waiting import Waiter

DONE = struct.Struct("!ci?")

_WARM = (
    "abc argparse array ast base64 bisect builtins calendar cmath collections collections.abc contextlib copy "
    "dataclasses datetime decimal difflib enum fractions functools hashlib heapq inspect io itertools json keyword "
    "locale math numbers operator os pathlib pprint queue random re secrets statistics string struct tempfile textwrap "
    "threading time traceback types typing unicodedata urllib.parse uuid weakref zoneinfo"
)


def warm_up() -> None:
    """Import what candidates commonly import, so that none of them waits for it."""
    for name in _WARM.split():
        importlib.import_module(name)


def serve(job: Job, control: socket.socket, sweeper: Sweeper, scope: int | None) -> NoReturn:
    """Run candidates until the host closes the control socket.

    Args:
        job: What they may use.
        control: The socket to the host.
        sweeper: Ends what a candidate leaves.
        scope: A Landlock ruleset that a candidate enters, so that it cannot signal this process; None: it is the first
            of its namespace, which nothing in there can signal, or there is no such ruleset.
    """
    null = os.open(os.devnull, os.O_RDWR)
    swept = [Path(folder) for folder in job["swept"]]
    waiter = Waiter(control)
    gc.collect()
    gc.freeze()
    control.sendall(b"R")
    while True:
        order, fds, _, _ = socket.recv_fds(control, 1, 2)
        if not order:
            sweeper.sweep(0)
            os._exit(0)
        if order != b"J" or len(fds) != 2:
            continue  # an order to end a candidate that had ended already
        child = os.fork()
        if child == 0:
            waiter.leave_to_host()
            _become_candidate(job, fds[0], fds[1], null, scope)
        for fd in fds:
            os.close(fd)
        status = waiter.wait(child)
        sweeper.sweep(child)
        clean = True
        try:
            for folder in swept:
                empty(folder)
        except OSError:
            clean = False
        control.sendall(DONE.pack(b"D", status, clean))


def _become_candidate(job: Job, told: int, heard: int, null: int, scope: int | None) -> NoReturn:
    try:
        os.setsid()
        for fd in (0, 1, 2):
            os.dup2(null, fd)
        os.chdir(job["folder"])
        os.environ.clear()
        os.environ.update(job["environment"])
        sys.path.remove(str(Path(__file__).parent.parent))
        sys.argv[:] = ["candidate"]
        if scope is not None:
            enter(scope)
        apply_limits(job)
        run(told, heard)
    finally:
        os._exit(70)  # not by an exception of ours into the loop that forked it
