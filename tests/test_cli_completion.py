"""What a shell offers at the tab key, asked as the script of `conductor completion bash` asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import CommandLine


def offered(conductor: CommandLine, *words: str) -> list[str]:
    """What completes the last word."""
    line = " ".join(["conductor", *words])
    asked = {"_CONDUCTOR_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    done = conductor(environment=asked)
    assert done.stderr == ""
    return [answer.partition(",")[2] for answer in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["--st"], ["--strategy"]),
        (["run", "--st"], ["--strategy"]),
        (["--strategy", "majority", "--te"], ["--template", "--temperature"]),
        (["--ver"], ["--verbose", "--version"]),
        (["--he"], ["--help"]),
        (["--kind", "re"], ["refactor"]),
        (["mod"], ["models"]),
        (["dem"], ["demo"]),
        (["history", "--li"], ["--limit"]),
    ],
    ids=" ".join,
)
def test_the_tab_key_knows_commands_and_the_options_of_both_forms(
    conductor: CommandLine, words: list[str], names: list[str]
) -> None:
    """Without a command the options are those of the main job, as in the help."""
    assert offered(conductor, *words) == names
