"""Starts a test program for `go test -exec`, and has it fail where it ends well without all of its tests being done.

The program tells that by a secret that it gives back: see `returned.go`. What it prints goes to the go command.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

_PR_SET_DUMPABLE = 4

_NO_TEST = b"\n\x16=== NAME  \n"
"""Has what follows belong to no test."""


def main() -> int:
    """Start what the arguments say, and give its status, or 1."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    secret = os.urandom(16)
    question, ask = os.pipe()
    answer, reply = os.pipe()
    os.write(ask, secret)
    os.close(ask)
    chosen = [word.removeprefix("-test.run=") for word in sys.argv[1:] if word.startswith("-test.run=")]
    environment = os.environ | {"CONDUCTOR_RETURNED": f"{question},{reply}", "CONDUCTOR_PATTERN": "".join(chosen)}
    ended = subprocess.run(sys.argv[1:], env=environment, pass_fds=(question, reply), check=False)  # noqa: S603
    os.close(reply)
    if ended.returncode < 0:
        os.write(1, b"%sended by signal %d\n" % (_NO_TEST, -ended.returncode))
        return 1
    os.set_blocking(answer, False)
    try:
        said = os.read(answer, 4096)
    except BlockingIOError:  # what it left behind has the pipe still
        said = b""
    if ended.returncode == 0 and said != secret * max(1, len(said) // len(secret)):
        os.write(1, _NO_TEST + b"it ended before all of its tests were done\n")
        return 1
    return ended.returncode


sys.exit(main())
