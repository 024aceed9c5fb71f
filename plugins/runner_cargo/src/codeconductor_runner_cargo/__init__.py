"""CodeConductor plugin: runs the tests of Rust projects, by cargo."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import TestRunner


@hookimpl
def conductor_test_runners() -> list[TestRunner]:
    """The runner ``cargo``."""
    from codeconductor_runner_cargo._runner import CargoRunner

    return [CargoRunner()]
