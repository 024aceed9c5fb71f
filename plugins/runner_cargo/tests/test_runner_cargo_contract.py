"""What every test runner promises, for cargo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from codeconductor.testing import RunnerContract
from codeconductor_runner_cargo import conductor_test_runners

CRATE = {"Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n\n[dependencies]\n'}
HOME = Path(os.environ.get("HOME", "/"))


@pytest.mark.slow
class TestCargo(RunnerContract):
    """On a crate without dependencies."""

    @pytest.fixture(autouse=True)
    def toolchain(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rustup's, which it looks for at home; the test has another home."""
        for name, place in (("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")):
            monkeypatch.setenv(name, os.environ.get(name) or str(HOME / place))

    @pytest.fixture
    def runner(self) -> Any:
        (runner,) = conductor_test_runners()
        return runner

    @pytest.fixture
    def passing(self) -> dict[str, str]:
        return {**CRATE, "src/lib.rs": "#[test]\nfn good() {}\n"}

    @pytest.fixture
    def failing(self) -> dict[str, str]:
        return {**CRATE, "src/lib.rs": "#[test]\nfn bad() { assert_eq!(1, 2) }\n"}

    @pytest.fixture
    def testless(self) -> dict[str, str]:
        return {**CRATE, "src/lib.rs": "pub fn a() {}\n"}

    @pytest.fixture
    def ending(self) -> dict[str, str]:
        tests = "#[test]\nfn ends() { std::process::exit(0) }\n\n#[test]\nfn bad() { assert_eq!(1, 2) }\n"
        return {**CRATE, "src/lib.rs": tests}
