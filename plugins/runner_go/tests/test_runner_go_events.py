"""Reports of `go test -json`, recorded with Go 1.26, and a module that is tested where Go is found."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_runner_go
from codeconductor import verify
from codeconductor_runner_go._events import read_events
from codeconductor_runner_go._runner import GoRunner

if TYPE_CHECKING:
    from codeconductor import Session
    from codeconductor.testing import MakeSession


def events(*told: dict[str, object]) -> bytes:
    return b"".join(json.dumps({"Package": "shop", **one}).encode() + b"\n" for one in told)


RECORDED = (
    {"Action": "run", "Test": "TestGood"},
    {"Action": "output", "Test": "TestGood", "Output": "=== RUN   TestGood\n"},
    {"Action": "pass", "Test": "TestGood", "Elapsed": 0.5},
    {"Action": "run", "Test": "TestSkip"},
    {"Action": "output", "Test": "TestSkip", "Output": "    a_test.go:5: why\n"},
    {"Action": "skip", "Test": "TestSkip", "Elapsed": 0},
)


def test_passed_and_skipped_tests_are_told() -> None:
    run = read_events(events(*RECORDED, {"Action": "pass"}), 0)
    assert [(case.name, case.status) for case in run.cases] == [
        ("shop::TestGood", "passed"),
        ("shop::TestSkip", "skipped"),
    ]
    assert run.fault is None


def test_a_test_that_did_not_end_is_an_error() -> None:
    run = read_events(events(*RECORDED, {"Action": "run", "Test": "TestLost"}, {"Action": "fail"}), 1)
    assert [case.status for case in run.cases] == ["passed", "error", "skipped"]


def test_a_package_that_cannot_be_built_is_an_error() -> None:
    built = {"ImportPath": "shop", "Action": "build-output", "Output": "a.go:1: syntax error\n"}
    run = read_events(events(built, {"Action": "fail"}), 1)
    assert [(case.name, case.status) for case in run.cases] == [("shop", "error")]
    assert "syntax error" in str(run.cases[0].message)


def test_status_and_events_must_agree() -> None:
    assert read_events(events(*RECORDED), 1).fault == "go test ended with status 1"
    assert read_events(events(*RECORDED), None).fault
    assert read_events(events({"Action": "fail", "Test": "TestBad"}), 0).fault


def test_no_test_is_no_case() -> None:
    assert read_events(events({"Action": "skip"}), 0).cases == ()


def test_a_module_is_tested_where_go_is_found(make_session: MakeSession, session: Session) -> None:
    """Elsewhere it is said what to install; the reports above are recorded."""
    if shutil.which("go") is None:
        assert "install Go" in str(GoRunner().lacks(session))
        return
    Path("go.mod").write_text("module shop\ngo 1.21\n")
    Path("a_test.go").write_text(
        'package shop\nimport "testing"\nfunc TestGood(t *testing.T) {}\nfunc TestBad(t *testing.T) { t.Error("no") }\n'
    )
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_go=codeconductor_runner_go)
    report = asyncio.run(verify(ours, Path()))
    assert {case.name: case.status for case in report.cases} == {"shop::TestGood": "passed", "shop::TestBad": "failed"}
