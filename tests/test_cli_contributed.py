"""Commands that plugins bring, and what `conductor plugins` says of what can never be used."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import CommandLine

COMMAND = """
import click
from codeconductor import InputError, hookimpl

@click.command()
@click.argument("how")
def command(how):
    if how == "own":
        raise InputError("acme has no parrot", hint="buy one")
    if how == "file":
        open("nowhere/file")
    raise ZeroDivisionError("by nothing")
"""


@pytest.fixture
def bring(conductor: CommandLine, install: Callable[..., None]) -> Callable[..., None]:
    """Installs the plugin `acme`, whose distribution brings its `command` under these names."""

    def bring(*names: str, source: str = COMMAND) -> None:
        install(acme=source)
        points = conductor.home / "installed" / "acme_plugin-1.0.dist-info" / "entry_points.txt"
        listed = "".join(f"{name} = acme_plugin:command\n" for name in names)
        points.write_text(f"{points.read_text(encoding='utf-8')}[codeconductor.commands]\n{listed}", encoding="utf-8")

    return bring


def test_the_command_of_a_disabled_plugin_is_refused(conductor: CommandLine) -> None:
    """It is the configuration that forbids it."""
    conductor.environment["CONDUCTOR_PLUGINS__DISABLED"] = "replay"
    assert "the command 'demo' of codeconductor-replay is disabled" in conductor.refused(2, "demo")
