"""Runs test programs as cargo would, and reports what they print, how they end, and whether their `main` returned.

The pipe of the report is held by this process alone, which cannot be looked into: the programs have it not, nor has
anything that they can find. Arguments: a file with the programs, the shim's source, where to put what is made, and
further words for the compiler.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import struct
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_PR_SET_DUMPABLE = 4
_INTERPRETER = 3
"""Of the parts of an ELF file, the one that names its dynamic linker."""

_LITTLE_64 = b"\x02\x01"
"""How the head of an ELF file says that its numbers have 64 bits, the lowest first."""

_ROOM = 2**20
"""Bytes that are read after a program's end: what it left behind may write on without end."""


class _Report:
    """Lines of JSON, in a pipe that nothing else has."""

    def __init__(self) -> None:
        self._pipe = int(os.environ.pop("CONDUCTOR_REPORT"))
        os.set_inheritable(self._pipe, False)

    def say(self, **facts: object) -> None:
        rest = (json.dumps(facts, ensure_ascii=False) + "\n").encode()
        while rest:
            rest = rest[os.write(self._pipe, rest) :]


class _Shim:
    """The library by which a program tells that its `main` returned; for each a file of its own, gone afterwards."""

    def __init__(self, content: bytes, folder: Path) -> None:
        self._content = content
        self._folder = folder
        self._made = 0

    def suits(self, program: str) -> bool:
        """Whether a program would load it: dynamically linked, by glibc, for the same machine."""
        try:
            with Path(program).open("rb") as file:
                head = file.read(64)
                is_alike = head[:6] == self._content[:6] and head[18:20] == self._content[18:20]
                if not is_alike or head[4:6] != _LITTLE_64:
                    return False
                start, size, count = struct.unpack_from("<Q14xHH", head, 32)
                for number in range(count):
                    file.seek(start + number * size)
                    kind, at, length = struct.unpack("<I4xQ16xQ", file.read(40))
                    if kind == _INTERPRETER:
                        file.seek(at)
                        return b"ld-linux" in file.read(min(length, 4096))
        except (OSError, struct.error):
            return False
        return False

    def file(self) -> Path:
        """A new one, named from the root, as programs start in other folders."""
        self._made += 1
        path = self._folder / f"returned-{self._made}.so"
        with path.open("xb") as file:
            file.write(self._content)
        return path


def _shim(source: str, folder: Path, words: list[str]) -> tuple[_Shim | None, str]:
    """The library, or why there is none."""
    if sys.platform != "linux":
        return None, f"only Linux has a way to tell, and this is {sys.platform}"
    made = folder / "returned.so"
    argv = [
        "rustc",
        "--edition",
        "2018",
        "-Cpanic=abort",
        "-Copt-level=2",
        "-Awarnings",
        *words,
        "-o",
        str(made),
        source,
    ]
    try:
        ended = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - ours
        if ended.returncode == 0:
            return _Shim(made.read_bytes(), folder), ""
        said = ended.stderr.decode("utf-8", "replace").strip().splitlines()
    except OSError as exc:
        said = [f"rustc: {exc.strerror}"]
    return None, said[0] if said else "rustc failed"


def _has_own_harness(program: dict[str, Any]) -> bool:
    """Whether the manifest says that a test program has a `main` of its own, and not libtest's."""
    try:
        manifest = tomllib.loads(Path(program["manifest"]).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    kind, name = program["kind"], program["name"]
    tables = manifest.get(kind if kind in {"bin", "example", "test", "bench"} else "lib")
    if isinstance(tables, dict):
        return tables.get("harness") is False
    return any(table.get("name") == name and table.get("harness") is False for table in tables or ())


def _run(report: _Report, shim: _Shim | None, program: dict[str, Any], number: int, listing: bool) -> None:
    argv, environment = program["argv"], dict(program["environment"])
    facts = {"program": number, "listing": listing}
    ours: list[int] = []
    theirs: list[int] = []
    secret, file = os.urandom(16), None
    if shim is not None and shim.suits(argv[0]):
        question, ask = os.pipe()
        answer, reply = os.pipe()
        os.write(ask, secret)
        os.close(ask)
        ours, theirs = [answer], [question, reply]
        file = shim.file()
        if "LD_PRELOAD" in environment:
            environment["CONDUCTOR_PRELOAD"] = environment["LD_PRELOAD"]
        preloaded = [str(file), *([environment["LD_PRELOAD"]] if "LD_PRELOAD" in environment else [])]
        environment |= {"CONDUCTOR_RETURNED": f"{question},{reply}", "LD_PRELOAD": ":".join(preloaded)}
    try:
        process = subprocess.Popen(  # noqa: S603 - to run them is what this is for
            [*argv, "--list"] if listing else argv,
            cwd=program["folder"],
            env=environment,
            stdout=subprocess.PIPE,
            pass_fds=theirs,
        )
    except OSError as exc:
        print(f"{argv[0]}: {exc.strerror}", file=sys.stderr, flush=True)
        report.say(**facts, status=127, returned=False)
        return
    finally:
        for pipe in theirs:
            os.close(pipe)
    assert process.stdout is not None
    for part in _read(process, process.stdout.fileno()):
        report.say(**facts, said=part.decode("latin-1"))
    status = process.wait()
    returned = None
    for pipe in ours:
        os.set_blocking(pipe, False)
        with contextlib.suppress(BlockingIOError):
            returned = os.read(pipe, 64) == secret + struct.pack("<i", status)
        returned = bool(returned)
        os.close(pipe)
    if file is not None:
        with contextlib.suppress(OSError):
            file.unlink()
    if status < 0:
        print(f"{argv[0]}: ended by signal {-status}", file=sys.stderr, flush=True)
    report.say(**facts, status=status, returned=returned)


def _read(process: subprocess.Popen[bytes], pipe: int) -> Iterator[bytes]:
    """What a process prints until it has ended, whoever else still has its output open."""
    os.set_blocking(pipe, False)
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    left = None
    while left is None or left > 0:
        if left is None and process.poll() is not None:
            left = _ROOM
        if not poll.poll(50 if left is None else 0):
            if left is not None:
                return
            continue
        part = os.read(pipe, 65536)
        if not part:
            return
        if left is not None:
            left -= len(part)
        yield part


def main() -> None:
    """List the tests of every program first, then run them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    report = _Report()
    programs = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    shim, reason = _shim(sys.argv[2], Path(sys.argv[3]).absolute(), sys.argv[4:])
    report.say(untold=reason)
    own = [_has_own_harness(program) for program in programs]
    for listing in (True, False):
        for number, program in enumerate(programs):
            if own[number]:
                if not listing:
                    _run(report, None, program, number, listing)
                continue
            if not listing:
                print(f"     Running {os.path.relpath(program['argv'][0])}", file=sys.stderr, flush=True)
            _run(report, shim, program, number, listing)


main()
