"""`-q`, `-v` and `--log-file`: every command has them, and keeps what it says of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import CommandLine

COMMANDS = [
    ["history"],
    ["config"],
    ["config", "trust"],
    ["templates"],
    ["templates", "init"],
    ["completion", "bash"],
    ["plugins"],
    ["doctor"],
    ["models"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_the_options_that_every_command_has(conductor: CommandLine, command: list[str]) -> None:
    """Quiet, nothing is on standard error; a log that cannot be written is refused."""
    conductor.write("conductor.toml", "")
    done = conductor(*command, "-q", "-v", "--log-file", "log.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert (conductor.folder / "log.jsonl").exists()
    assert "nowhere/log.jsonl" in conductor.refused(2, *command, "--log-file", "nowhere/log.jsonl")


@pytest.mark.parametrize("command", [["history"], ["config", "trust"], ["completion", "zsh"]], ids=" ".join)
def test_commands_that_ask_nobody_say_what_they_did(conductor: CommandLine, command: list[str]) -> None:
    """In one line of the log, and with `-v` on standard error."""
    conductor.write("conductor.toml", "")
    done = conductor(*command, "-v", "--log-file", "log.jsonl")
    (line,) = (conductor.folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["message"] in done.stderr


def test_options_of_a_group_hold_for_its_commands(conductor: CommandLine) -> None:
    """Before the command's name or after it."""
    conductor.write("conductor.toml", "")
    assert conductor("templates", "-q", "init", "question").returncode == 0
    assert "exists" in conductor("templates", "init", "question").stderr
    assert conductor("templates", "-q", "init", "question").stderr == ""
    conductor("config", "--log-file", "log.jsonl", "trust")
    assert "is trusted" in (conductor.folder / "log.jsonl").read_text(encoding="utf-8")
