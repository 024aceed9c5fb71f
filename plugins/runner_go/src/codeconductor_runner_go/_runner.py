"""The runner `go`: `go test -json`, whose events the go command writes, and not the tests."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor import TestRun, interpreter

from codeconductor_runner_go._events import read_events

if TYPE_CHECKING:
    from codeconductor import Session, TestBench

_TO_REPORT = "import os, sys; os.dup2(int(os.environ.pop('CONDUCTOR_REPORT')), 1); os.execvp(sys.argv[1], sys.argv[1:])"
"""Lets a program's standard output be the report."""

_TEST = re.compile(r"^func ((?:Test|Fuzz|Example)\w*)\(", re.MULTILINE)


class GoRunner:
    """Runs `go test`, offline."""

    name = "go"

    def fits(self, folder: Path, session: Session) -> int | None:
        """Where there is a module or a workspace of modules."""
        return 20 if any((folder / name).is_file() for name in ("go.mod", "go.work")) and session else None

    def lacks(self, _session: Session) -> str | None:
        """Go itself."""
        return None if shutil.which("go") else "install Go, and put the program go on PATH"

    async def run_tests(self, bench: TestBench) -> TestRun:
        """See `TestRunner`."""
        go, root, modules = _installed()
        argv = [str(interpreter()), "-I", "-S", "-c", _TO_REPORT, go, "test", "-json", *_chosen(bench)]
        ended = await bench.run(
            argv,
            environment={
                "GOMODCACHE": str(modules),
                "GOPROXY": "off",
                "GOFLAGS": "",
                "GOTOOLCHAIN": "local",
                "GOTELEMETRY": "off",
                "CGO_ENABLED": "0",
            },
            places={"GOCACHE": bench.scratch / "go-build"},
            readable=[path for path in (root, modules) if path.is_dir()],
            reports=True,
        )
        return read_events(ended.report, ended.status, is_cut=ended.report_cut or ended.timed_out)


def _installed() -> tuple[str, Path, Path]:
    """The program, the folder that it was installed in, and the one of modules that were downloaded earlier."""
    go = shutil.which("go") or "go"
    modules = os.environ.get("GOMODCACHE")
    workspace = Path(os.environ.get("GOPATH") or Path.home() / "go")
    return go, Path(go).resolve().parent.parent, Path(modules) if modules else workspace / "pkg" / "mod"


def _chosen(bench: TestBench) -> list[str]:
    """The packages, and the tests in them, that alone are to be run."""
    if not bench.tests:
        return ["./..."]
    packages: list[str] = []
    names: list[str] = []
    for test in bench.tests:
        place = bench.folder / test
        if place.is_dir():
            packages.append(f"./{test}/...")
            names.append(".*")
        else:
            packages.append(f"./{Path(test).parent.as_posix()}")
            names += _TEST.findall(place.read_text(encoding="utf-8", errors="replace"))
    return [*dict.fromkeys(packages), "-run", f"^({'|'.join(names) or 'NONE'})$"]
