"""Recorded reports of `go test -json`, events made up to be wrong, and a module that is tested where Go is found."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_runner_go
import pytest
from codeconductor import verify
from codeconductor_runner_go._events import read_events
from codeconductor_runner_go._runner import GoRunner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor import Session
    from codeconductor.testing import MakeSession


DATA = Path(__file__).parent / "data"
"""Reports that were recorded, with the packages that they are of; its README tells how."""


def events(*told: Mapping[str, object]) -> bytes:
    return b"".join(json.dumps({"Package": "shop", **one}).encode() + b"\n" for one in told)


TOLD = (
    {"Action": "run", "Test": "TestGood"},
    {"Action": "output", "Test": "TestGood", "Output": "=== RUN   TestGood\n"},
    {"Action": "pass", "Test": "TestGood", "Elapsed": 0.5},
    {"Action": "run", "Test": "TestSkip"},
    {"Action": "output", "Test": "TestSkip", "Output": "    a_test.go:5: why\n"},
    {"Action": "skip", "Test": "TestSkip", "Elapsed": 0},
)


@pytest.mark.parametrize(
    ("package", "status", "told"),
    [
        (
            "passing",
            0,
            {
                "::TestGood": "passed",
                "::TestTable": "passed",
                "::TestTable/one": "passed",
                "::TestTable/two_words": "passed",
                "::TestSkip": "skipped",
            },
        ),
        ("failing", 1, {"::TestGood": "passed", "::TestBad": "failed"}),
        ("erroring", 1, {"": "error"}),
        ("ending", 1, {"::TestGood": "passed", "::TestEnd": "failed"}),
    ],
)
def test_recorded_reports_are_read(package: str, status: int, told: dict[str, str]) -> None:
    run = read_events((DATA / f"{package}.jsonl").read_bytes(), status)
    name = f"example.com/shop/{package}"
    assert {case.name: case.status for case in run.cases} == {f"{name}{test}": word for test, word in told.items()}
    assert run.fault is None


@pytest.mark.parametrize(
    ("package", "words"),
    [("failing", "got 3, want 4"), ("erroring", "undefined: nothing"), ("ending", "unexpected call to os.Exit(0)")],
)
def test_a_recorded_failure_has_its_message(package: str, words: str) -> None:
    run = read_events((DATA / f"{package}.jsonl").read_bytes(), 1)
    assert words in "".join(case.message or "" for case in run.cases)


def test_passed_and_skipped_tests_are_told() -> None:
    run = read_events(events(*TOLD, {"Action": "pass"}), 0)
    assert [(case.name, case.status) for case in run.cases] == [
        ("shop::TestGood", "passed"),
        ("shop::TestSkip", "skipped"),
    ]
    assert run.fault is None


def test_a_test_that_did_not_end_is_an_error() -> None:
    run = read_events(events(*TOLD, {"Action": "run", "Test": "TestLost"}, {"Action": "fail"}), 1)
    assert [case.status for case in run.cases] == ["passed", "error", "skipped"]


def test_a_package_that_cannot_be_built_is_an_error() -> None:
    built = {"ImportPath": "shop", "Action": "build-output", "Output": "a.go:1: syntax error\n"}
    run = read_events(events(built, {"Action": "fail"}), 1)
    assert [(case.name, case.status) for case in run.cases] == [("shop", "error")]
    assert "syntax error" in str(run.cases[0].message)


def test_status_and_events_must_agree() -> None:
    assert read_events(events(*TOLD), 1).fault == "go test ended with status 1"
    assert read_events(events(*TOLD), None).fault
    assert read_events(events({"Action": "fail", "Test": "TestBad"}), 0).fault


def test_no_test_is_no_case() -> None:
    assert read_events(events({"Action": "skip"}), 0).cases == ()


@pytest.mark.slow
def test_a_module_is_tested_where_go_is_found(make_session: MakeSession, session: Session) -> None:
    """Of it the file that was chosen; elsewhere it is said what to install."""
    if shutil.which("go") is None:
        assert "install Go" in str(GoRunner().lacks(session))
        return
    Path("go.mod").write_text("module shop\ngo 1.21\n")
    Path("a_test.go").write_text(
        'package shop\nimport "testing"\nfunc TestGood(t *testing.T) {}\nfunc TestBad(t *testing.T) { t.Error("no") }\n'
    )
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_go=codeconductor_runner_go)
    Path("other").mkdir()
    Path("other/b_test.go").write_text('package other\nimport "testing"\nfunc TestB(t *testing.T) { t.Error("no") }\n')
    report = asyncio.run(verify(ours, Path(), tests=[Path("a_test.go")]))
    assert {case.name: case.status for case in report.cases} == {"shop::TestGood": "passed", "shop::TestBad": "failed"}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ok  \tshop\t0.002s\n", {"shop": "error"}),
        ("", {"shop": "error"}),
        ("?   \tshop\t[no test files]\n", {}),
        ("testing: warning: no tests to run\nPASS\nok  \tshop\t0.002s [no tests to run]\n", {}),
    ],
)
def test_a_package_that_ended_before_a_test_is_no_pass(said: str, told: dict[str, str]) -> None:
    """Go says so where a package has none: without a word of it, the program ended itself."""
    report = events({"Action": "start"}, {"Action": "output", "Output": said}, {"Action": "pass", "Elapsed": 0.1})
    run = read_events(report, 0)
    assert {case.name: case.status for case in run.cases} == told
