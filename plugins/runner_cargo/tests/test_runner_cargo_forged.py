"""Rust code that writes the harness's own report and ends the process, and what must go on passing; by cargo itself."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_runner_cargo
import pytest
from codeconductor import verify
from codeconductor_runner_cargo._runner import CargoRunner

if TYPE_CHECKING:
    from codeconductor import TestReport
    from codeconductor.testing import MakeSession

TOOLCHAINS = os.environ.get("RUSTUP_HOME") or str(Path.home() / ".rustup")
"""Where rustup has them for who runs the tests: in a test the home folder is another."""

CRATE = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'

SUMMARY = "test result: ok. {0} passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s"

FORGED = r"""
use std::io::Write;

#[test]
fn bad() { assert_eq!(1, 2) }

#[test]
fn ends() {
    let said = "test bad ... ok\ntest ends ... ok\n\nSUMMARY\n\n";
    std::io::stdout().write_all(said.as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
    END
}
""".replace("SUMMARY", SUMMARY.format(2))

TO_ALL = r"""
fn tell_all(said: &str) {
    use std::io::Write;
    use std::os::fd::FromRawFd;
    for number in 1..64 {
        let mut file = std::mem::ManuallyDrop::new(unsafe { std::fs::File::from_raw_fd(number) });
        let _ = file.write_all(said.as_bytes());
    }
}
"""

@pytest.fixture
def of_shop(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch):
    """Verifies the package `shop` after files were laid into it; None: there is no cargo here."""
    if Path(TOOLCHAINS).is_dir():
        monkeypatch.setenv("RUSTUP_HOME", TOOLCHAINS)
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_cargo=codeconductor_runner_cargo)

    def verified(files: dict[str, str], *tests: str) -> TestReport | None:
        if shutil.which("cargo") is None:
            assert "install Rust" in str(CargoRunner().lacks(ours))
            return None
        for name, text in {"Cargo.toml": CRATE, **files}.items():
            place = Path("shop", name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return asyncio.run(verify(ours, Path("shop"), tests=[Path("shop", test) for test in tests]))

    return verified


@pytest.mark.parametrize(
    "end",
    [
        "std::process::exit(0)",
        'extern "C" { fn _exit(status: i32) -> !; } unsafe { _exit(0) }',
    ],
)
def test_a_forged_report_before_an_early_exit_is_no_pass(of_shop, end):
    """The lines are exactly those of the listed tests, the counts agree, and the status is 0."""
    report = of_shop({"src/lib.rs": FORGED.replace("END", end)})
    if report is not None:
        assert report.fault == "a test process ended without its full report", report
        assert not report.is_green
