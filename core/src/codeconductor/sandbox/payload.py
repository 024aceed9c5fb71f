"""What is to be run in a sandbox, and the command line that starts it there."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import attrs

from codeconductor.sandbox.values import Limits, Strength
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor.sandbox.inside.job import Job

INSIDE = Path(__file__).resolve().parent / "inside"
"""The folder of what runs inside, on the standard library alone."""

ENVIRONMENT = {"PYTHONPATH": str(INSIDE.parent), "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
"""What our interpreter inside is started with. One order of sets for all candidates, and for all runs: `-I` would leave
it to chance."""

_FIRST_USER = 2_000_000_000
"""Users that root's programs become are counted from here on, where no system has any."""

_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/sys/devices/system/cpu"),
    *("/etc/ssl/openssl.cnf", "/etc/pki/tls/openssl.cnf", "/etc/crypto-policies"),
)
"""What every program needs to start; nothing in it is a person's."""


@frozen(kw_only=True)
class Payload:
    """A command, or the server that runs candidates.

    Attributes:
        argv: The command; empty: our own server of candidates.
        folder: What it may write, and where it starts. With root, this folder and all in it must belong to `user`.
        limits: What each process may use.
        environment: All of it; ``HOME`` and ``TMPDIR`` are the folder, wherever it is in the sandbox.
        readable: Paths that it may read beside the system's programs and our interpreter: an environment of packages.
        control: A descriptor that must stay open, under its number, in the process that is started.
        report: Likewise, for the command to write into; None: it was not asked for.
        user: Whom root's programs become; None: they run as who started them.
        threads: Of the user, beyond the sandbox, that the kernel counts against the limit of processes.
    """

    argv: tuple[str, ...] = ()
    folder: Path
    limits: Limits = Limits()
    environment: Mapping[str, str] = attrs.field(factory=dict)
    readable: tuple[Path, ...] = ()
    control: int
    report: int | None = None
    user: int | None = None
    threads: int = 0

    @property
    def paths(self) -> list[Path]:
        """All that it may read: the system's programs, our interpreter, what runs inside, and `readable`; as they are,
        links too, without those that do not exist."""
        prefixes = [Path(sys.base_prefix), Path(sys.base_exec_prefix)]
        if interpreter().is_relative_to(Path(sys.prefix).resolve()):
            prefixes.append(Path(sys.prefix))
        paths = [*map(Path, _SYSTEM), *prefixes, interpreter().parent.parent, INSIDE, *self.readable]
        return [path for path in dict.fromkeys(paths) if path.exists()]


@runtime_checkable
class Sandbox(Protocol):
    """A way to run untrusted code; the hook ``conductor_sandboxes`` adds some.

    Whatever the process does, ending it ends all that it started, at the latest when its control descriptor is closed:
    ``inside_command`` sees to that where it is part of the command line.

    Attributes:
        name: Such as ``landlock``.
        strength: What it claims, which is believed only after attacks on it have failed.
        missing: What it cannot hold back, a few words each.
        remedy: What a person can do where it does not work.
    """

    @property
    def name(self) -> str: ...
    @property
    def strength(self) -> Strength: ...
    @property
    def missing(self) -> tuple[str, ...]: ...
    @property
    def remedy(self) -> str: ...

    def command(self, payload: Payload) -> Sequence[str]:
        """The command line that runs the payload in the sandbox; its environment is our interpreter's.

        Raises:
            OSError: What the sandbox needs is not here.
        """
        ...


def interpreter() -> Path:
    """The interpreter itself, behind the links of virtual environments."""
    return Path(sys.executable).resolve()


def next_user() -> int | None:
    """A user for the next payload of root's, of whom there is no other process; None for everybody else."""
    if os.name != "posix" or os.geteuid() != 0:
        return None
    return _FIRST_USER + int.from_bytes(os.urandom(3))


def threads_of_user() -> int:
    """How many threads the user has on this machine, as far as proc tells."""
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == os.getuid():
                count += sum(1 for _ in (folder / "task").iterdir())
        except OSError:  # it has ended meanwhile
            continue
    return count


def inside_command(
    payload: Payload,
    *,
    folder: Path | None = None,
    swept: Sequence[str] = (),
    landlock: bool = False,
    filtered: bool = False,
    namespaces: bool = False,
) -> list[str]:
    """The command line of our part inside, which gives up rights, keeps the limits and leaves nothing behind.

    Args:
        payload: What it is to run.
        folder: Where the payload's folder is inside of the sandbox; the same unless given.
        swept: Further folders that are emptied after each candidate.
        landlock: Hold back files, network and signals by Landlock.
        filtered: Refuse system calls.
        namespaces: Files, network, IPC and processes are the sandbox's own already.
    """
    limits = payload.limits
    place = str(folder or payload.folder)
    job: Job = {
        "control": payload.control,
        "argv": list(payload.argv),
        "environment": {"HOME": place, "TMPDIR": place, **payload.environment},
        "folder": place,
        "swept": [place, *swept],
        "read": [str(path) for path in payload.paths] if landlock else [],
        "landlock": landlock,
        "filtered": filtered,
        "namespaces": namespaces,
        "user": payload.user,
        "memory": limits.memory,
        "file_size": limits.file_size,
        "processes": limits.processes + payload.threads + 1,  # and the one that looks after them
        "seconds": int(limits.seconds) + 2,
    }
    return [str(interpreter()), "-P", "-s", "-S", "-m", "inside", json.dumps(job)]
