"""Attacks the sandbox that it runs in, and prints the names of those that got through as a JSON list.

`python -m inside.attacks TARGETS`, where TARGETS is a JSON object that says what lies outside. Every attack is harmless
where it gets through: it reads and writes only what was laid out for it.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable


class Targets(TypedDict):
    """What the host has laid out.

    Attributes:
        folder: A folder outside, with a file ``secret``, a socket ``socket``, and whatever is written into it.
        tcp: A port on loopback that is listened to.
        udp: Another; what arrives there is told by who listens.
        abstract: Name of an abstract Unix socket, listening.
        process: Id of the host's process.
        memory: Bytes that are too many.
        file_size: Bytes that are too many.
        processes: Processes that are too many.
    """

    folder: str
    tcp: int
    udp: int
    abstract: str
    process: int
    memory: int
    file_size: int
    processes: int


def _write(at: Targets) -> None:
    Path(at["folder"], "written").write_text("here")


def _truncate(at: Targets) -> None:
    os.truncate(Path(at["folder"], "victim"), 0)


def _remove(at: Targets) -> None:
    Path(at["folder"], "victim").unlink()


def _change_mode(at: Targets) -> None:
    path = Path(at["folder"], "mode")
    path.chmod(0o777)
    if path.stat().st_mode & 0o777 != 0o777:
        raise PermissionError("nothing has happened")


def _read(at: Targets) -> None:
    Path(at["folder"], "secret").read_text()


def _list(at: Targets) -> None:
    next(os.scandir(at["folder"])).name.lower()


def _look_up(at: Targets) -> None:
    Path(at["folder"], "secret").stat()


def _connect_tcp(at: Targets) -> None:
    with socket.create_connection(("127.0.0.1", at["tcp"]), 5):
        return


def _send_udp(at: Targets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"here", ("127.0.0.1", at["udp"]))


def _connect_path(at: Targets) -> None:
    """From inside of its folder, as the path of a socket may have some 100 characters."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(at["folder"])
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect("socket")
    finally:
        os.fchdir(here)


def _connect_abstract(at: Targets) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"\0{at['abstract']}")


def _signal(at: Targets) -> None:
    os.kill(at["process"], 0)


def _read_environment(at: Targets) -> None:
    text = Path(f"/proc/{at['process']}/environ").read_bytes()
    if not text:
        raise PermissionError("it is empty")


def _look_into_process(at: Targets) -> None:
    """Seize, which unlike attaching does not stop the process."""
    libc = ctypes.CDLL(None, use_errno=True)
    seize, detach = 0x4206, 17
    if libc.ptrace(seize, at["process"], None, None) != 0:
        raise PermissionError(os.strerror(ctypes.get_errno()))
    libc.ptrace(detach, at["process"], None, None)


def _limit_process(at: Targets) -> None:
    resource.prlimit(at["process"], resource.RLIMIT_CORE)


def _allocate(at: Targets) -> None:
    len(bytearray(at["memory"]))


def _write_much(at: Targets) -> None:
    with Path("much").open("wb") as file:
        file.seek(at["file_size"])
        file.write(b"1")


def _fork_many(at: Targets) -> None:
    """Every child waits for the end of a pipe, so all of them are there at once."""
    waiting, held = os.pipe()
    children = []
    try:
        for _ in range(at["processes"]):
            child = os.fork()
            if child == 0:
                os.close(held)
                os.read(waiting, 1)
                os._exit(0)
            children.append(child)
    finally:
        os.close(held)
        for child in children:
            os.waitpid(child, 0)


def _outlive() -> None:
    """Leave an orphan in a session of its own, which holds standard output open until somebody ends it."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            reading, _ = os.pipe()
            os.read(reading, 1)
        os._exit(0)
    os.wait()


ATTACKS: dict[str, Callable[[Targets], None]] = {
    "write": _write,
    "truncate": _truncate,
    "remove": _remove,
    "change mode": _change_mode,
    "read": _read,
    "list": _list,
    "look up": _look_up,
    "tcp": _connect_tcp,
    "unix socket": _connect_path,
    "abstract socket": _connect_abstract,
    "signal": _signal,
    "environment": _read_environment,
    "trace": _look_into_process,
    "limits": _limit_process,
    "memory": _allocate,
    "file size": _write_much,
    "processes": _fork_many,
}


def main() -> None:
    """Try every attack, and leave an orphan at the end."""
    targets: Targets = json.loads(sys.argv[1])
    with suppress(OSError):
        _send_udp(targets)
    through = []
    for name, attack in ATTACKS.items():
        try:
            attack(targets)
        except (OSError, MemoryError, AttributeError):  # refused, or unknown to this system
            continue
        through.append(name)
    print(json.dumps(through), flush=True)
    _outlive()


if __name__ == "__main__":
    main()
