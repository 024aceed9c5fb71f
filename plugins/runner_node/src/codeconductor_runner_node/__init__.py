"""CodeConductor plugin: runs the tests of JavaScript and TypeScript projects, by node, vitest or jest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import TestRunner


@hookimpl
def conductor_test_runners() -> list[TestRunner]:
    """The runner ``node``."""
    from codeconductor_runner_node._runner import NodeRunner

    return [NodeRunner()]
