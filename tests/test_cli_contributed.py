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


@pytest.mark.parametrize(("how", "said"), [("bug", "ZeroDivisionError: by nothing"), ("file", "FileNotFoundError: ")])
def test_a_command_that_raises_is_named_with_its_distribution(
    conductor: CommandLine, bring: Callable[..., None], how: str, said: str
) -> None:
    """It is no bug of ours, and its author has to be told; -vv shows the place."""
    bring("fly")
    refusal = conductor.refused(1, "fly", how)
    assert f"the command 'fly' of acme-plugin failed: {said}" in refusal
    assert "author" in refusal
    assert "this is a bug" not in refusal


def test_what_a_command_refuses_is_its_own(conductor: CommandLine, bring: Callable[..., None]) -> None:
    """As if it were built in."""
    bring("fly")
    assert conductor.refused(2, "fly", "own").startswith("Error: acme has no parrot\nHint: buy one\n")


def test_a_command_that_two_plugins_bring_is_an_error(conductor: CommandLine, bring: Callable[..., None]) -> None:
    """It names both, and how to disable one; then the other's is taken."""
    bring("demo")
    refusal = conductor.refused(2, "demo")
    assert "the command 'demo' is brought by acme-plugin and codeconductor-replay" in refusal
    assert "Hint: add acme or replay to [plugins] disabled" in refusal
    assert "'demo' is brought by acme-plugin and codeconductor-replay" in conductor("plugins").stderr
    conductor.environment["CONDUCTOR_PLUGINS__DISABLED"] = "replay"
    assert "acme has no parrot" in conductor.refused(2, "demo", "own")


NAMELESS = """
from codeconductor import hookimpl

@hookimpl
def conductor_consensus_strategies():
    return [object()]
"""


def test_what_is_no_strategy_is_warned_about_where_plugins_are_listed(
    conductor: CommandLine, install: Callable[..., None]
) -> None:
    """Whoever looks why a strategy is not there finds it, as in a run."""
    install(acme=NAMELESS)
    done = conductor("plugins")
    assert done.returncode == 0
    assert "object is no strategy: it needs a `name` and `decide`" in done.stderr
    assert done.stderr.count("acme-plugin") == 1


def test_a_command_with_a_name_of_ours_is_not_listed(conductor: CommandLine, bring: Callable[..., None]) -> None:
    """It can never be reached, which is said."""
    bring("models", "fly", source="")
    done = conductor("plugins", "--json")
    plugins = {plugin["name"]: plugin for plugin in json.loads(done.stdout)["plugins"]}
    assert plugins["acme"]["commands"] == ["fly"]
    assert "the command 'models' of acme-plugin cannot be reached" in done.stderr
