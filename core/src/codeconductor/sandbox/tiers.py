"""The built-in sandboxes, the strongest first; none is trusted before it was attacked."""

from __future__ import annotations

import functools
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor.sandbox.payload import ENVIRONMENT, Payload, inside_command
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor.sandbox.payload import Sandbox
    from codeconductor.sandbox.values import Strength

_PLACE = Path("/conductor")
"""Where the payload's folder is in a bubblewrap."""

_TOGETHER = "the sum of what all processes and all files take"
"""Limits are for each process and each file; only control groups, which need an administrator, would bound a sum."""

_SCRATCH = ("/tmp", "/dev/shm")  # noqa: S108 - the sandbox's own
"""Folders of a bubblewrap's own, in memory."""


@functools.cache
def _bwrap_flags(program: str) -> frozenset[str]:
    """The options that this bubblewrap knows: older ones lack some."""
    asked = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    return frozenset(re.findall(r"^\s+(--[a-z0-9-]+)", asked.stdout + asked.stderr, re.MULTILINE))


@frozen(kw_only=True)
class Bubblewrap:
    """Namespaces of its own for files, network, processes and IPC, made by the program `bwrap`, and a filter."""

    name: str = "bubblewrap"
    strength: Strength = "strong"
    missing: tuple[str, ...] = (_TOGETHER,)
    remedy: str = (
        "install the package bubblewrap; where it is there and may not make namespaces (Ubuntu 23.10 and later), it "
        "needs an AppArmor profile for /usr/bin/bwrap that allows `userns`"
    )

    def command(self, payload: Payload) -> Sequence[str]:
        """See `Sandbox`.

        Raises:
            FileNotFoundError: There is no bwrap.
        """
        program = shutil.which("bwrap", path=os.environ.get("PATH", os.defpath))
        if program is None:
            raise FileNotFoundError("the program bwrap is not installed")
        known = _bwrap_flags(program)
        options = ["--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"]
        options += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
        if payload.user is None:
            options += ["--unshare-user", *(["--disable-userns"] if "--disable-userns" in known else [])]
        else:  # a user namespace has one user, and root is to become another
            for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_DAC_READ_SEARCH"):
                options += ["--cap-add", capability]
        options += ["--clearenv"] if "--clearenv" in known else []
        for name, value in ENVIRONMENT.items():
            options += ["--setenv", name, value]
        options += ["--proc", "/proc", "--dev", "/dev"]
        sized = ["--size", str(payload.limits.file_size)] if "--size" in known else []
        open_to_all = ["--perms", "1777"] if "--perms" in known else []
        for folder in _SCRATCH:
            options += [*sized, *open_to_all, "--tmpfs", folder]
        paths = sorted(payload.paths, key=lambda path: len(path.parts))
        for path in paths:
            if path.is_symlink():
                options += ["--symlink", str(path.readlink()), str(path)]
            else:
                options += ["--ro-bind", str(path), str(path)]
        options += ["--bind", str(payload.folder), str(_PLACE), "--remount-ro", "/", "--chdir", str(_PLACE)]
        # what is mounted there cannot be swept away, and so nothing else may be written beside it
        occupied = [folder for folder in _SCRATCH if any(path.is_relative_to(folder) for path in paths)]
        for folder in occupied:
            options += ["--remount-ro", folder]
        swept = [folder for folder in _SCRATCH if folder not in occupied]
        started = inside_command(payload, folder=_PLACE, swept=swept, filtered=True, namespaces=True)
        return [program, *options, "--", *started]


@frozen(kw_only=True)
class Landlock:
    """Landlock for files, TCP, abstract sockets and signals, and a filter of system calls for the rest; Linux, and no
    package is needed."""

    name: str = "landlock"
    strength: Strength = "strong"
    missing: tuple[str, ...] = (_TOGETHER,)
    remedy: str = "it needs Linux 6.12 or later with Landlock among its security modules (`lsm=landlock,…` at boot)"

    def command(self, payload: Payload) -> Sequence[str]:
        """See `Sandbox`.

        Raises:
            OSError: This is not Linux.
        """
        if sys.platform != "linux":
            raise OSError(f"Landlock is Linux's own, and this is {platform.system()}")
        return inside_command(payload, landlock=True, filtered=True)


@frozen(kw_only=True)
class Seatbelt:
    """macOS's own `sandbox-exec`. Written from its documentation and never tried on a Mac; attacked like the others
    before it is used. It limits no memory, and looks up names of files outside."""

    name: str = "seatbelt"
    strength: Strength = "partial"
    missing: tuple[str, ...] = ("memory without a limit", _TOGETHER)
    remedy: str = "sandbox-exec cannot be nested: leave the sandbox that this runs in"

    def command(self, payload: Payload) -> Sequence[str]:
        """See `Sandbox`.

        Raises:
            FileNotFoundError: There is no sandbox-exec.
        """
        program = shutil.which("sandbox-exec", path="/usr/bin")
        if program is None:
            raise FileNotFoundError("the program sandbox-exec is not installed")
        folder = payload.folder.resolve()
        read = [path.resolve() for path in payload.paths]
        read += [Path("/System"), Path("/Library/Frameworks"), Path("/private/var/db/dyld"), folder]
        profile = "\n".join(
            (
                "(version 1)",
                "(deny default)",
                "(allow process-fork)",
                "(allow process-exec)",
                "(allow sysctl-read)",
                "(allow signal (target same-sandbox))",
                "(allow file-read-metadata)",
                '(allow file-read* (literal "/") (literal "/dev/urandom") (literal "/dev/null"))',
                '(allow file-write-data (literal "/dev/null"))',
                *(f"(allow file-read* (subpath {_quoted(path)}))" for path in read),
                f"(allow file-write* (subpath {_quoted(folder)}))",
            )
        )
        return [program, "-p", profile, *inside_command(payload)]


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


@frozen(kw_only=True)
class LimitsAlone:
    """Limits, a fresh environment and an end to what it started: no isolation, and refused unless it is allowed."""

    name: str = "limits"
    strength: Strength = "none"
    missing: tuple[str, ...] = (_TOGETHER,)
    remedy: str = "it needs a POSIX system"

    def command(self, payload: Payload) -> Sequence[str]:
        """See `Sandbox`.

        Raises:
            OSError: This is not POSIX.
        """
        if os.name != "posix":
            raise OSError(f"there are no limits of processes on {platform.system()}")
        return inside_command(payload)


BUILTIN: tuple[Sandbox, ...] = (Bubblewrap(), Landlock(), Seatbelt(), LimitsAlone())
