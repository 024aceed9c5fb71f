"""Attacks a sandbox before it is trusted, and says what got through."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from codeconductor.errors import in_words
from codeconductor.sandbox.command import Command
from codeconductor.sandbox.payload import ENVIRONMENT, INSIDE, Payload, Sandbox, interpreter
from codeconductor.sandbox.process import SandboxError
from codeconductor.sandbox.scratch import fresh_folder, remove_folder
from codeconductor.sandbox.values import Limits, Strength
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from codeconductor.sandbox.inside.attacks import Targets

_LIMITS = Limits(seconds=60.0, memory=2**28, file_size=2**20, processes=8)

_WORDS = {
    "write": "writing files outside",
    "truncate": "truncating files outside",
    "remove": "removing files outside",
    "change mode": "changing the modes of files outside",
    "read": "reading files outside",
    "list": "listing folders outside",
    "look up": "looking up names, sizes and modes of files outside",
    "tcp": "TCP connections, to this machine too",
    "udp": "UDP",
    "unix socket": "Unix sockets outside",
    "abstract socket": "abstract Unix sockets",
    "signal": "signals to other processes",
    "environment": "reading other processes' environment",
    "trace": "tracing other processes",
    "limits": "looking at other processes' limits",
    "memory": "memory without a limit",
    "file size": "files of any size",
    "processes": "any number of processes",
    "survivor": "processes that outlive it",
}
"""What a sandbox cannot hold back, by the attack that shows it."""

_BARE = frozenset({"write", "truncate", "remove", "read", "list", "tcp", "trace"})
"""With one of these open, a sandbox is none."""

_MINOR = frozenset({"look up", "memory", "file size", "processes"})
"""What gives away no content, or costs time and space alone."""


@frozen(kw_only=True)
class Trial:
    """What came of attacking a sandbox.

    Attributes:
        name: The sandbox's.
        sandbox: It, with the strength that it showed; None: it does not work here.
        reason: Why not; empty where it works.
        remedy: What can be done about that.
    """

    name: str
    sandbox: Sandbox | None
    reason: str = ""
    remedy: str = ""


@frozen(kw_only=True)
class Tried:
    """A sandbox, with the strength that it showed and what it cannot hold back."""

    sandbox: Sandbox
    strength: Strength
    missing: tuple[str, ...]

    @property
    def name(self) -> str:
        """The sandbox's own."""
        return self.sandbox.name

    @property
    def remedy(self) -> str:
        """The sandbox's own."""
        return self.sandbox.remedy

    def command(self, payload: Payload) -> Sequence[str]:
        """The sandbox's own."""
        return self.sandbox.command(payload)


def attack(sandbox: Sandbox) -> Trial:
    """Run attacks on this machine in the sandbox, once; it takes a tenth of a second or two."""
    folder = fresh_folder()
    try:
        with _outside() as (targets, datagrams):
            ended = Command(
                sandbox,
                [str(interpreter()), "-P", "-s", "-S", "-m", "inside.attacks", json.dumps(targets)],
                folder=folder,
                limits=_LIMITS,
                environment=ENVIRONMENT,
                readable=(INSIDE.parent,),
            ).wait()
            arrived = _has_arrived(datagrams)
    except (SandboxError, OSError) as exc:
        return Trial(name=sandbox.name, sandbox=None, reason=str(exc), remedy=sandbox.remedy)
    except Exception as exc:  # noqa: BLE001 - a plugin's sandbox may raise anything, and is then none
        reason = in_words(exc)
        return Trial(name=sandbox.name, sandbox=None, reason=reason, remedy=sandbox.remedy)
    finally:
        remove_folder(folder)
    try:
        through = set(json.loads(ended.output.splitlines()[0]))
    except (ValueError, IndexError):
        said = ended.output.decode("utf-8", "replace").strip().splitlines()
        reason = said[-1] if said else f"a program in it ended with status {ended.status}"
        return Trial(name=sandbox.name, sandbox=None, reason=reason, remedy=sandbox.remedy)
    through |= {name for name, is_so in (("survivor", ended.survived), ("udp", arrived)) if is_so}
    return Trial(name=sandbox.name, sandbox=_judged(sandbox, through))


def _judged(sandbox: Sandbox, through: set[str]) -> Tried:
    shown: Strength = "none" if through & _BARE else "partial" if through - _MINOR else "strong"
    strength = min(shown, sandbox.strength, key=("none", "partial", "strong").index)
    found = [words for name, words in _WORDS.items() if name in through]
    return Tried(sandbox=sandbox, strength=strength, missing=tuple(dict.fromkeys((*found, *sandbox.missing))))


@contextmanager
def _outside() -> Iterator[tuple[Targets, socket.socket]]:
    """Lay out what the attacks are aimed at: a folder, sockets, and this process; gives the UDP socket too."""
    with ExitStack() as exits:
        folder = fresh_folder()
        exits.callback(remove_folder, folder)
        for name in ("secret", "victim", "mode"):
            (folder / name).write_text("secret")
            (folder / name).chmod(0o666)
        folder.chmod(0o777)
        tcp = exits.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = exits.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        abstract = secrets.token_hex(8)
        _listen(exits, _short(exits, folder / "socket"))
        if sys.platform == "linux":
            _listen(exits, f"\0{abstract}")
        (folder / "socket").chmod(0o666)
        targets: Targets = {
            "folder": str(folder),
            "tcp": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "abstract": abstract,
            "process": os.getpid(),
            "memory": 2 * _LIMITS.memory,
            "file_size": _LIMITS.file_size + 1,
            "processes": 3 * _LIMITS.processes,
        }
        yield targets, udp


def _listen(exits: ExitStack, address: str) -> None:
    listener = exits.enter_context(socket.socket(socket.AF_UNIX))
    listener.bind(address)
    listener.listen()


def _short(exits: ExitStack, path: Path) -> str:
    """The path, or one by its open folder where it has more characters than that of a socket may have."""
    if len(os.fsencode(path)) < 100 or sys.platform != "linux":
        return str(path)
    folder = os.open(path.parent, os.O_PATH)
    exits.callback(os.close, folder)
    return f"/proc/self/fd/{folder}/{path.name}"


def _has_arrived(datagrams: socket.socket) -> bool:
    datagrams.setblocking(False)
    try:
        return bool(datagrams.recv(16))
    except OSError:
        return False
