"""The runner `pytest`: what it fits, how it starts our driver in the sandbox, and what it makes of the report."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeconductor import TestCase, TestRun

from codeconductor_runner_pytest._interpreter import brought, find_python, versions
from codeconductor_runner_pytest._lines import Broken, read_lines

if TYPE_CHECKING:
    from codeconductor import Ended, Session, TestBench

INSIDE = Path(__file__).resolve().parent / "inside"

_SIGNS = ("pytest.ini", "conftest.py", "pyproject.toml", "setup.cfg", "setup.py", "tox.ini", "requirements.txt")

_CONFIGURED = {"pytest.ini": "", "pyproject.toml": "[tool.pytest", "tox.ini": "[pytest]", "setup.cfg": "[tool:pytest]"}

_MANY = 2000
"""Files that are looked at to find a test."""


class PytestRunner:
    """Runs pytest, and tests of `unittest` by it, on the project's own interpreter."""

    name = "pytest"

    def fits(self, folder: Path, session: Session) -> int | None:
        """Best where pytest is configured, then where there are files of tests, last where there is Python at all."""
        if any(_has(folder / name, words) for name, words in _CONFIGURED.items()):
            return 30
        for count, file in enumerate(folder.rglob("*.py")):
            if file.name.startswith("test_") or file.name.endswith("_test.py") or file.name == "conftest.py":
                return 20
            if count > _MANY:
                break
        return 5 if any((folder / name).is_file() for name in _SIGNS) or any(folder.glob("*.py")) else None

    async def run_tests(self, bench: TestBench) -> TestRun:
        """See `TestRunner`."""
        python = find_python(bench.origin, bench.linked)
        packages = brought()
        key = secrets.token_bytes(32)
        job = bench.scratch / "job.json"
        job.write_text(
            json.dumps(
                {
                    "key": key.hex(),
                    "origin": str(bench.origin.resolve()),
                    "kept": [str(place) for place in bench.linked.values()],
                    "brought": {name: str(place) for name, place in packages.items()},
                    "versions": versions(),
                    "arguments": [],
                    "tests": list(bench.tests),
                }
            ),
            encoding="utf-8",
        )
        ended = await bench.run(
            [str(python.program), "-B", str(INSIDE / "driver.py"), bench.inside(job)],
            environment={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1"},
            readable=[*python.readable, *packages.values(), INSIDE],
            reports=True,
        )
        return _judged(ended, key, python.program)


def _has(file: Path, words: str) -> bool:
    try:
        return words in file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _judged(ended: Ended, key: bytes, program: Path) -> TestRun:
    """The run as the signed lines tell it, where they are whole and fit how the process ended."""
    try:
        lines = read_lines(ended.report, key)
    except Broken as exc:
        return TestRun(cases=_cases(exc.lines), fault=f"the report was tampered with: {exc}")
    cases = _cases(lines)
    end = lines[-1] if lines and lines[-1]["kind"] == "end" else None
    if lines and lines[0]["kind"] == "absent":
        why = f"pytest cannot be imported by {program} (Python {lines[0]['python']}): {lines[0]['why']}"
        return TestRun(fault=f"{why}; install pytest in the project's environment")
    if end is None or ended.report_cut:
        how = "was ended" if ended.timed_out else f"ended with status {ended.status}"
        at = f", after {len(cases)} tests" if cases else ""
        return TestRun(cases=cases, fault=f"the test process {how} without its full report{at}")
    return TestRun(cases=cases, fault=_fault(ended, lines, end, cases), warnings=_warnings(lines, end))


def _fault(ended: Ended, lines: list[dict[str, Any]], end: dict[str, Any], cases: tuple[TestCase, ...]) -> str | None:
    status = end["status"]
    if end["replaced"]:
        return f"the project replaced functions of pytest: {', '.join(end['replaced'])}"
    if ended.status != status:
        return f"pytest ended with {status}, its process with {ended.status}"
    if status == 5 and not cases:
        return None  # no test was found
    bad = sum(case.status in {"failed", "error"} for case in cases)
    ran = sum(line["kind"] == "case" and "::" in line["id"] for line in lines)
    if status == 0 and ran < end["found"]:
        return f"of {end['found']} tests only {ran} were reported"
    unseen = next((line["unseen"] for line in lines if line["kind"] == "collected"), 0)
    if unseen:
        return f"{unseen} tests were put in place without being collected"
    if status != 0 and not (status in {1, 2} and bad):
        return f"pytest ended with status {status}"
    return None


def _warnings(lines: list[dict[str, Any]], end: dict[str, Any]) -> list[str]:
    found = []
    hooks: list[str] = next((line["hooks"] for line in lines if line["kind"] == "collected"), [])
    if hooks:
        found.append(f"the project's own hooks have a say in the result of tests: {', '.join(hooks)}")
    if end["unrun"]:
        found.append(f"{end['unrun']} tests were collected and then dropped by a hook")
    return found


def _cases(lines: list[dict[str, Any]]) -> tuple[TestCase, ...]:
    by_id: dict[str, TestCase] = {}
    for line in lines:
        if line["kind"] != "case":
            continue
        file, _, name = line["id"].partition("::")
        case = TestCase(
            name=name or file or "collection",
            file=file or None,
            status=line["status"],
            message=line["message"],
            seconds=line["seconds"],
        )
        by_id[line["id"]] = case
    return tuple(by_id.values())
