"""Reads what our reporter in `node --test` told, and the JSON of vitest and jest."""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from codeconductor import TestCase, TestRun

if TYPE_CHECKING:
    from pathlib import Path

_LARGEST = 64 * 2**20

_TESTS = re.compile(
    rb"\b(?:test|it|describe|suite)\s*(?:\.\w+)?\("
    rb"|\b(?:test|it|describe|suite|default)\b[^;=(]*(?:=\s*require\(\s*|\bfrom\s*)[\"']node:test[\"']"
    rb"|(?:\bimport\s+\w+[^;]*?\bfrom\s*|\w\s*=\s*require\(\s*)[\"']node:test[\"']"
)
"""What a file has that means to have tests of its own."""


def read_lines(report: bytes, status: int | None, folder: Path, *, is_cut: bool = False) -> TestRun:
    """The tests of `node --test`; a suite is none, and a file only where it has no tests of its own."""
    told = [json.loads(line) for line in report.splitlines(keepends=True) if line.endswith(b"\n")]
    cases = [case for line in told if line["kind"] == "test" and (case := _case(line, folder)) is not None]
    fault = None
    if is_cut or status is None or not told or told[-1]["kind"] != "end":
        fault = "node --test was ended without its full report"
    else:
        fault = _disagreement(status, cases, "node --test")
    return TestRun(cases=cases, fault=fault)


def _case(line: dict[str, Any], folder: Path) -> TestCase | None:
    file = _relative(line["file"] or line["name"], folder)
    is_file = line["nesting"] == 0 and _relative(line["name"], folder) == file
    if line["suite"] and line["passed"]:
        return None
    if is_file and line["passed"] and _has_tests(folder / file):
        return TestCase(name=file, file=file, status="error", message="it ended before any of its tests was reported")
    passed = line["passed"]
    skipped = passed and (line["skipped"] or line["todo"])
    return TestCase(
        name=file if is_file else line["name"],
        file=file,
        status="skipped" if skipped or line["todo"] else "passed" if passed else "failed",
        message=line["message"],
        seconds=line["seconds"],
    )


def _has_tests(file: Path) -> bool:
    try:
        return _TESTS.search(file.read_bytes()) is not None
    except OSError:
        return True


def _relative(path: str, folder: Path) -> str:
    """A path as the copy has it, whatever the sandbox calls the folder."""
    if not os.path.isabs(path):  # noqa: PTH117 - a name may be any text
        return path
    marker = f"/in/{folder.name}/"
    _, found, below = path.partition(marker)
    return below if found else os.path.basename(path)  # noqa: PTH119


def read_json_report(file: Path, status: int | None, who: str, folder: Path, *, is_cut: bool = False) -> TestRun:
    """The tests of vitest or jest, which write the same form."""
    if is_cut or status is None:
        return TestRun(fault=f"{who} was ended without its full report")
    try:
        if file.is_symlink() or file.stat().st_size > _LARGEST:
            raise ValueError("it is no file of ours")
        document = json.loads(file.read_bytes())
        suites = document["testResults"]
        cases = [case for suite in suites for case in _cases_of_suite(suite, folder)]
        total = int(document["numTotalTests"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as exc:
        return TestRun(fault=f"{who} ended with status {status}, without a usable report ({exc})")
    counted = sum(case.status != "error" for case in cases)
    if counted != total:
        return TestRun(cases=cases, fault=f"{who} reports {total} tests, and {counted} are in its report")
    return TestRun(cases=cases, fault=None if not cases and not total else _disagreement(status, cases, who))


def _cases_of_suite(suite: dict[str, Any], folder: Path) -> list[TestCase]:
    file = _relative(str(suite["name"]), folder)
    tests = suite["assertionResults"]
    cases = []
    for test in tests:
        word = test["status"]
        seconds = test.get("duration")
        cases.append(
            TestCase(
                name=str(test["fullName"]),
                file=file,
                status="passed" if word == "passed" else "failed" if word == "failed" else "skipped",
                message="\n".join(map(str, test.get("failureMessages") or ())) or None,
                seconds=None if seconds is None else float(seconds) / 1000,
            )
        )
    if suite["status"] == "failed" and not any(case.status == "failed" for case in cases):
        cases.append(TestCase(name=file, file=file, status="error", message=str(suite.get("message") or "")))
    return cases


def _disagreement(status: int, cases: list[TestCase], who: str) -> str | None:
    bad = any(case.status in {"failed", "error"} for case in cases)
    if status != 0 and not bad:
        return f"{who} ended with status {status}"
    return None
