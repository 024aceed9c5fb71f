"""What a sandbox is told when it starts: one JSON object, the first argument of `python -m inside`."""

from __future__ import annotations

import resource
from typing import TypedDict


class Job(TypedDict):
    """What to run and what it may use.

    Attributes:
        control: Descriptor of the socket to the host; its end is the order to end everything.
        argv: A command to run once, or empty: serve candidates.
        environment: Of the command or the candidates, and nothing else is in it.
        folder: The current folder, the only one that lasts while the sandbox does.
        swept: Folders whose content is removed after each candidate.
        read: Paths that may be read (Landlock alone looks at it).
        landlock: Whether Landlock holds files, network and signals back.
        filtered: Whether system calls are filtered.
        namespaces: Whether network, IPC and processes are the sandbox's own already.
        user: The user to become, from root; None: stay who one is.
        memory: Bytes of one process.
        file_size: Bytes of one file.
        processes: Of the user, as the kernel counts them; 0: as many as the user may.
        seconds: Of CPU time of one process.
    """

    control: int
    argv: list[str]
    environment: dict[str, str]
    folder: str
    swept: list[str]
    read: list[str]
    landlock: bool
    filtered: bool
    namespaces: bool
    user: int | None
    memory: int
    file_size: int
    processes: int
    seconds: int


def _limit(kind: int, most: int) -> None:
    """Lower a limit; one that is lower already stays, and one that the system has not is nothing to fail for."""
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    try:
        resource.setrlimit(kind, (most, most))
    except (OSError, ValueError):  # macOS knows no limit of memory
        return


def apply_limits(job: Job) -> None:
    """Set the limits of this process, which all that it starts inherits.

    A command's memory is counted as data, not as address space: node, the JVM and Go reserve far more than they use.
    A candidate is Python, and would otherwise get around it with shared memory.
    """
    if not job["argv"]:
        _limit(resource.RLIMIT_AS, job["memory"])
    _limit(resource.RLIMIT_DATA, job["memory"])
    _limit(resource.RLIMIT_FSIZE, job["file_size"])
    _limit(resource.RLIMIT_CPU, job["seconds"])
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, 1024 if job["argv"] else 256)
    if job["processes"]:
        _limit(resource.RLIMIT_NPROC, job["processes"])
