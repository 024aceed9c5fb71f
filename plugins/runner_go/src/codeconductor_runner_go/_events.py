"""Reads the events of `go test -json`."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

import attrs
from codeconductor import TestCase, TestRun

_Status = Literal["passed", "failed", "skipped"]

_ENDS: dict[str, _Status] = {"pass": "passed", "fail": "failed", "skip": "skipped"}


_NO_TESTS = re.compile(r"\[no test files\]|\[no tests to run\]|^testing: warning: no tests to run$", re.MULTILINE)
"""What Go says of a package that ended well and has none."""


@attrs.define
class _Test:
    status: _Status | None = None
    seconds: float | None = None
    output: list[str] = attrs.field(factory=list)


def read_events(report: bytes, status: int | None, *, is_cut: bool = False) -> TestRun:
    """The tests of all packages; a package that cannot be built, or fails beside its tests, is an error of its own."""
    tests: dict[tuple[str, str], _Test] = {}
    builds: list[str] = []
    for line in report.splitlines():
        event = _event(line)
        if event is None:
            continue
        if event.get("Action") == "build-output":
            builds.append(str(event.get("Output", "")))
            continue
        package = str(event.get("Package") or event.get("ImportPath") or "")
        test = tests.setdefault((package, str(event.get("Test") or "")), _Test())
        action = event.get("Action")
        if action == "output":
            test.output.append(str(event.get("Output", "")))
        elif action in _ENDS:
            test.status = _ENDS[action]
            test.seconds = event.get("Elapsed")
    cases = []
    for (package, name), test in sorted(tests.items()):
        case = _case(package, name, test, "".join(builds), tests)
        if case is not None:
            cases.append(case)
    bad = any(case.status in {"failed", "error"} for case in cases)
    fault = None
    if is_cut or status is None:
        fault = "go test was ended without its full report"
    elif status != 0 and not bad:
        fault = f"go test ended with status {status}"
    elif status == 0 and bad:
        fault = "go test ended well although tests failed"
    return TestRun(cases=cases, fault=fault)


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _case(package: str, name: str, test: _Test, built: str, tests: dict[tuple[str, str], _Test]) -> TestCase | None:
    said = "".join(test.output).strip()
    if name:
        if test.status == "passed" or test.status == "skipped":
            return TestCase(
                name=f"{package}::{name}", status=test.status, seconds=test.seconds,
                message=said if test.status == "skipped" else None,
            )  # fmt: skip
        status = "failed" if test.status == "failed" else "error"
        message = said or "it did not end"
        return TestCase(
            name=f"{package}::{name}", status="failed" if status == "failed" else "error", message=message,
            seconds=test.seconds,
        )  # fmt: skip
    has_failed = any(other.status != "passed" for (where, which), other in tests.items() if where == package and which)
    if test.status == "failed" and not has_failed:
        return TestCase(name=package, status="error", message="\n".join(filter(None, (built.strip(), said))))
    has_tests = any(which for where, which in tests if where == package)
    if test.status == "passed" and not has_tests and not _NO_TESTS.search(said):
        return TestCase(name=package, status="error", message="it ended before any of its tests was reported")
    return None
