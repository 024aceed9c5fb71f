"""Recorded output of Rust's test harness, forms made up to be wrong, and packages tested where cargo is found."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_runner_cargo
from codeconductor import verify
from codeconductor_runner_cargo._lines import judged
from codeconductor_runner_cargo._runner import CargoRunner

if TYPE_CHECKING:
    import pytest
    from codeconductor import Session, TestReport, TestRun
    from codeconductor.testing import MakeSession

DATA = Path(__file__).parent / "data"
"""What was recorded, with the packages that it is of; its README tells how."""

TOOLCHAINS = os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup")
"""Where rustup has them for who runs the tests: in a test the home folder is another."""

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


def of_shop(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> TestReport:
    """Verify the package `shop` by cargo."""
    if Path(TOOLCHAINS).is_dir():
        monkeypatch.setenv("RUSTUP_HOME", TOOLCHAINS)
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_cargo=codeconductor_runner_cargo)
    return asyncio.run(verify(ours, Path("shop")))


def test_packages_are_tested_where_cargo_is_found(
    make_session: MakeSession, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails, one that ends its process, one that cannot be compiled; elsewhere it is said what to install."""
    if shutil.which("cargo") is None:
        assert "install Rust" in str(CargoRunner().lacks(session))
        return
    shutil.copytree(DATA / "failing", "shop")
    report = of_shop(make_session, monkeypatch)
    told = {case.name: case.status for case in report.cases}
    assert told == {"tests::good": "passed", "tests::wrong": "failed"}, report.output_tail
    shutil.copy(DATA / "ending" / "src" / "lib.rs", "shop/src/lib.rs")
    assert of_shop(make_session, monkeypatch).fault == "a test process ended without its full report"
    Path("shop/src/lib.rs").write_text("fn never() { nothing(); }\n")
    report = of_shop(make_session, monkeypatch)
    assert [case.status for case in report.cases] == ["error"]
    assert "cannot find function `nothing`" in str(report.cases[0].message)
    Path("shop/src/lib.rs").write_text("#[test]\nfn good() {}\n")
    assert of_shop(make_session, monkeypatch).is_green
