"""The runner `go`: `go test -json`, whose events the go command writes, and not the tests."""

from __future__ import annotations

import json
import os
import re
import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from codeconductor import TestRun, interpreter

from codeconductor_runner_go._cache import fill
from codeconductor_runner_go._events import read_events

if TYPE_CHECKING:
    from codeconductor import Session, TestBench

INSIDE = Path(__file__).resolve().parent / "inside"

_PYTHON = (str(interpreter()), "-I", "-S")

_STARTER = "-exec=" + " ".join(f"'{word}'" for word in (*_PYTHON, str(INSIDE / "drive.py")))

_START = re.compile(
    r"^func MainStart\(deps testDeps, tests \[\]InternalTest, benchmarks \[\]InternalBenchmark, "
    r"fuzzTargets \[\]InternalFuzzTarget, examples \[\]InternalExample\) \*M \{\n",
    re.MULTILINE,
)
_END = re.compile(r"^func \(m \*M\) Run\(\) \(code int\) \{\n(?:(?!\}).*\n)*?\tm\.exitCode = 0\n", re.MULTILINE)
"""Where a run begins and comes to a good end, in Go's package testing from 1.18 on."""

_UNTOLD = "whether a test program ended itself early cannot be told: this version of Go's package testing is not known"

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
        cache = bench.scratch / "go-build"
        run = partial(
            bench.run,
            environment={
                "GOROOT": str(root),
                "GOMODCACHE": str(modules),
                "GOPROXY": "off",
                "GOFLAGS": "",
                "GOTOOLCHAIN": "local",
                "GOTELEMETRY": "off",
                "CGO_ENABLED": "0",
            },
            places={"GOCACHE": cache},
            readable=[INSIDE, *(path for path in (root, modules) if path.is_dir())],
        )
        is_watched = _patch_testing(root, bench.scratch)
        module = bench.scratch / "standard"
        options = [_overlay(root, bench.scratch, start=module)] if is_watched else []
        await fill(cache, bench, run, go, root=root, module=module, options=options)
        options = [_overlay(root, bench.scratch, start=bench.folder), _STARTER] if is_watched else []
        ended = await run([go, "test", "-json", *options, *_chosen(bench)], prints_report=True)
        told = read_events(ended.report, ended.status, is_cut=ended.report_cut or ended.timed_out)
        return told if is_watched else attrs.evolve(told, warnings=[*told.warnings, _UNTOLD])


def _patch_testing(root: Path, scratch: Path) -> bool:
    """Write Go's package testing as it is with our lines in it; not for an unknown version, and False says so."""
    try:
        source = (_testing(root) / "testing.go").read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return False
    source, starts = _START.subn(r"\g<0>\tconductorStart(deps, tests, fuzzTargets, examples)\n", source)
    source, ends = _END.subn(r"\g<0>\tconductorReturned(m)\n", source)
    if (starts, ends) != (1, 1):
        return False
    (scratch / "testing.go").write_text(source, encoding="utf-8")
    return True


def _overlay(root: Path, scratch: Path, *, start: Path) -> str:
    """The option that puts it in place, so that test programs show that all of their tests were done.

    Args:
        root: The folder that Go was installed in.
        scratch: Where `_patch_testing` wrote.
        start: The folder that the command starts in: the sandbox has all files elsewhere.
    """
    overlay = scratch / f"overlay-{start.name}.json"
    replaced = {
        str(_testing(root) / "testing.go"): os.path.relpath(scratch / "testing.go", start),
        str(_testing(root) / "conductor_returned.go"): str(INSIDE / "returned.go"),
    }
    overlay.write_text(json.dumps({"Replace": replaced}), encoding="utf-8")
    return f"-overlay={os.path.relpath(overlay, start)}"


def _testing(root: Path) -> Path:
    return root / "src" / "testing"


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
