"""Recorded output of Rust's test harness, forms made up to be wrong, and packages tested where cargo is found."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_runner_cargo
import pytest
from codeconductor import verify
from codeconductor_runner_cargo._lines import judged
from codeconductor_runner_cargo._runner import CargoRunner

if TYPE_CHECKING:
    from codeconductor import Session, TestRun
    from codeconductor.testing import MakeSession

DATA = Path(__file__).parent / "data"
"""What was recorded, with the packages that it is of; its README tells how."""

PASSED = b"""
running 1 test
test good ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
"""


def recorded(package: str, status: int) -> TestRun:
    return judged((DATA / package / "listed.txt").read_bytes(), (DATA / package / "ran.txt").read_bytes(), status)


def test_recorded_tests_are_told() -> None:
    """Those of the documentation, too."""
    run = recorded("passing", 0)
    assert {case.name: case.status for case in run.cases} == {
        "tests::adds": "passed",
        "tests::panics": "passed",
        "tests::comes_later": "skipped",
        "src/lib.rs - add (line 5)": "passed",
    }
    assert run.fault is None


def test_a_recorded_failure_has_its_message() -> None:
    run = recorded("failing", 101)
    assert {case.name: case.status for case in run.cases} == {"tests::good": "passed", "tests::wrong": "failed"}
    assert "left: 3\n right: 4" in "".join(case.message or "" for case in run.cases)
    assert run.fault is None


def test_a_recorded_early_exit_is_no_pass() -> None:
    """Cargo itself ended with 0."""
    assert recorded("ending", 0).fault == "a test process ended without its full report"


def test_an_early_exit_is_no_pass() -> None:
    """There is no result, or there are fewer tests than were listed."""
    assert judged(b"good: test\n", b"running 1 test\n", 0).fault == "a test process ended without its full report"
    assert judged(b"good: test\nmore: test\n", PASSED, 0).fault == "of 2 tests that were listed, 1 were reported"


def test_counts_and_status_must_agree() -> None:
    assert judged(b"good: test\n", PASSED, 0).fault is None
    assert judged(b"good: test\n", PASSED, 101).fault == "cargo test ended with status 101"
    assert judged(b"good: test\n", PASSED + b"test good ... ok\n", 0).fault
    assert judged(b"good: test\n", PASSED, 0, is_cut=True).fault


@pytest.mark.parametrize(
    ("package", "told", "fault"),
    [
        ("passing", {"passed", "skipped"}, None),
        ("failing", {"passed", "failed"}, None),
        ("ending", set(), "a test process ended without its full report"),
    ],
)
def test_a_package_is_tested_where_cargo_is_found(
    make_session: MakeSession, session: Session, package: str, told: set[str], fault: str | None
) -> None:
    """Elsewhere it is said what to install."""
    if shutil.which("cargo") is None:
        assert "install Rust" in str(CargoRunner().lacks(session))
        return
    shutil.copytree(DATA / package, package)
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_cargo=codeconductor_runner_cargo)
    report = asyncio.run(verify(ours, Path(package)))
    assert {case.status for case in report.cases} == told, report.output_tail
    assert report.fault == fault


def test_what_cannot_be_compiled_is_an_error(make_session: MakeSession, session: Session) -> None:
    if shutil.which("cargo") is None:
        assert "install Rust" in str(CargoRunner().lacks(session))
        return
    shutil.copytree(DATA / "failing", "shop")
    Path("shop/src/lib.rs").write_text("fn never() { nothing(); }\n")
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_cargo=codeconductor_runner_cargo)
    report = asyncio.run(verify(ours, Path("shop")))
    assert [case.status for case in report.cases] == ["error"]
    assert "cannot find function `nothing`" in str(report.cases[0].message)
