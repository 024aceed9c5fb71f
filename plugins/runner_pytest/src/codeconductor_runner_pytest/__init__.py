"""CodeConductor plugin: runs the tests of Python projects, by pytest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import TestRunner


@hookimpl
def conductor_test_runners() -> list[TestRunner]:
    """The runner ``pytest``."""
    from codeconductor_runner_pytest._runner import PytestRunner

    return [PytestRunner()]
