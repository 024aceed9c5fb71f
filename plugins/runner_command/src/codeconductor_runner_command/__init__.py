"""CodeConductor plugin: runs the tests of any project, by a command from the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import TestRunner


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[runners.command]`."""
    from codeconductor_runner_command._settings import TABLE, CommandSettings

    return TABLE, CommandSettings


@hookimpl
def conductor_test_runners() -> list[TestRunner]:
    """The runner ``command``."""
    from codeconductor_runner_command._runner import CommandRunner

    return [CommandRunner()]
