"""Recorded output of Rust's test harness, forms made up to be wrong, and packages tested where cargo is found."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_runner_cargo
import pytest
from codeconductor import verify
from codeconductor_runner_cargo._lines import judged
from codeconductor_runner_cargo._runner import CargoRunner

if TYPE_CHECKING:
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


def of_shop(make_session: MakeSession) -> TestReport:
    """Verify the package `shop` by cargo."""
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_cargo=codeconductor_runner_cargo)
    return asyncio.run(verify(ours, Path("shop")))


def test_packages_are_tested_where_cargo_is_found(
    make_session: MakeSession, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that fails, one that ends its process, one that cannot be compiled."""
    if Path(TOOLCHAINS).is_dir():
        monkeypatch.setenv("RUSTUP_HOME", TOOLCHAINS)
    if advice := CargoRunner().lacks(session):
        pytest.skip(advice)
    shutil.copytree(DATA / "failing", "shop")
    report = of_shop(make_session)
    told = {case.name: case.status for case in report.cases}
    assert told == {"tests::good": "passed", "tests::wrong": "failed"}, report.output_tail
    shutil.copy(DATA / "ending" / "src" / "lib.rs", "shop/src/lib.rs")
    assert of_shop(make_session).fault == "a test process ended without its full report"
    Path("shop/src/lib.rs").write_text("fn never() { nothing(); }\n")
    report = of_shop(make_session)
    assert [case.status for case in report.cases] == ["error"]
    assert "cannot find function `nothing`" in str(report.cases[0].message)
    Path("shop/src/lib.rs").write_text("#[test]\nfn good() {}\n")
    assert of_shop(make_session).is_green


def test_what_is_to_be_installed_is_told(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rust, or a toolchain where cargo is rustup, which has none; which of several it takes, a project may say."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert CargoRunner().lacks(session) == "install Rust, and put the program cargo on PATH"
    rustup = tmp_path / "rustup"
    rustup.touch(0o700)
    (tmp_path / "cargo").symlink_to(rustup)
    monkeypatch.setenv("RUSTUP_HOME", str(tmp_path / "home"))
    assert CargoRunner().lacks(session) == "install a toolchain of Rust with `rustup default stable`"
    (tmp_path / "home" / "toolchains" / "stable").mkdir(parents=True)
    assert CargoRunner().lacks(session) is None
    rustup.rename(tmp_path / "cargo")
    (tmp_path / "home" / "toolchains" / "stable").rmdir()
    assert CargoRunner().lacks(session) is None
