"""CodeConductor plugin: runs the tests of Go projects, by go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import TestRunner


@hookimpl
def conductor_test_runners() -> list[TestRunner]:
    """The runner ``go``."""
    from codeconductor_runner_go._runner import GoRunner

    return [GoRunner()]
