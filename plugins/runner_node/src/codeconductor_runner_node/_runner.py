"""The runner `node`: `node --test`, or vitest or jest where the project has one of them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeconductor import TestRun

from codeconductor_runner_node._reports import read_json_report, read_lines

if TYPE_CHECKING:
    from codeconductor import Session, TestBench

REPORTER = Path(__file__).resolve().parent / "reporter.mjs"

_SANDBOXED = REPORTER.with_name("sandboxed.cjs")
_ENVIRONMENT = {"NODE_OPTIONS": f'--require "{_SANDBOXED.as_posix()}"'}
_ENDED = REPORTER.with_name("ended.cjs")
_OF_NODE = {
    "NODE_OPTIONS": f'{_ENVIRONMENT["NODE_OPTIONS"]} --require "{_ENDED.as_posix()}"',
    "NODE_NO_WARNINGS": "1",
    "CONDUCTOR_TESTS": "runner",
}

_SCRIPTS = {"vitest": "vitest/vitest.mjs", "jest": "jest/bin/jest.js"}

_WORKERS = ("--workerIdleMemoryLimit=4GB",)
"""Of jest 29 and later, which runs a single file in its own process unless workers have a limit."""

_ENDINGS = tuple(f"{mark}.{kind}" for mark in (".test", "-test", "_test", ".spec") for kind in ("js", "mjs", "cjs"))


class NodeRunner:
    """Runs the tests of JavaScript."""

    name = "node"

    def fits(self, folder: Path, session: Session) -> int | None:
        """Best where a package says how it is tested, else where there are files of tests."""
        package = _package(folder)
        if package.get("scripts", {}).get("test") or _framework(package):
            return 20
        places = [*folder.glob("*"), *folder.glob("test/*"), *folder.glob("tests/*"), *folder.glob("src/*")]
        if any(place.name.endswith(_ENDINGS) for place in places) or (folder / "package.json").is_file():
            return 10 if session else None
        return None

    def lacks(self, _session: Session) -> str | None:
        """Node.js itself."""
        return None if shutil.which("node") else "install Node.js 20 or later, and put the program node on PATH"

    async def run_tests(self, bench: TestBench) -> TestRun:
        """See `TestRunner`."""
        framework = _framework(_package(bench.folder))
        if framework is None:
            return await _run_node(bench)
        return await _run_framework(bench, framework)


async def _run_node(bench: TestBench) -> TestRun:
    node, readable = _node()
    reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    reporters += [f"--test-reporter={REPORTER}", "--test-reporter-destination=stderr"]
    ended = await bench.run(
        [node, "--test", *reporters, *_files(bench)],
        environment=_OF_NODE,
        readable=[*readable, REPORTER.parent],
        reports=True,
    )
    is_cut = ended.timed_out or ended.report_cut
    return read_lines(ended.report, ended.status, bench.folder, is_cut=is_cut)


async def _run_framework(bench: TestBench, framework: str) -> TestRun:
    node, readable = _node()
    script = Path("node_modules", _SCRIPTS[framework])
    if not (bench.folder / script).is_file():
        return TestRun(fault=f"{framework} is not in node_modules: install the project's dependencies first")
    report = bench.scratch / "report.json"
    # the tests are run in processes of their own then: in the one that reports, code could write a report and exit
    own = {
        "vitest": ["run", "--pool=forks", "--reporter=default", "--reporter=json", "--outputFile.json={report}"],
        "jest": ["--ci", *_WORKERS, "--json", "--outputFile={report}"],
    }[framework]
    own = [argument.replace("{report}", bench.inside(report)) for argument in own]
    ended = await bench.run(
        [node, str(script), *own, *bench.tests],
        environment=_ENVIRONMENT | {"CI": "1", "NO_COLOR": "1"},
        readable=[*readable, REPORTER.parent],
    )
    return read_json_report(report, ended.status, framework, bench.folder, is_cut=ended.timed_out)


def _node() -> tuple[str, list[Path]]:
    node = shutil.which("node") or "node"
    home = Path(node).resolve().parent.parent
    return node, [home] if home not in {Path("/"), Path("/usr")} else []


def _files(bench: TestBench) -> list[str]:
    """The files of tests that alone are run; a folder stands for those in it."""
    files: list[str] = []
    for test in bench.tests:
        place = bench.folder / test
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        found = [file for file in inside if file.suffix in {".js", ".mjs", ".cjs"}]
        named = [file for file in found if file.name.endswith(_ENDINGS) or file.name.startswith("test")]
        files += [file.relative_to(bench.folder).as_posix() for file in (named or found)]
    return files


def _package(folder: Path) -> dict[str, Any]:
    try:
        package = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return package if isinstance(package, dict) else {}


def _framework(package: dict[str, Any]) -> str | None:
    known = {name for table in ("dependencies", "devDependencies") for name in (package.get(table) or {})}
    return next((name for name in _SCRIPTS if name in known), None)
