"""`conductor show`: answers side by side for a person, and one below the other for grep, a pager or a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from codeconductor.testing.servers import Said, ScriptedModel, ScriptedOllama

if TYPE_CHECKING:
    from tests.conftest import CommandLine

LINE = "def add(first, second):  # " + "a long remark " * 12
REPLY = f"```python\n{LINE.rstrip()}\n    return first + second\n```"


@pytest.fixture
def shown_run(conductor: CommandLine) -> CommandLine:
    """A run of two models is recorded."""
    models = (ScriptedModel(name=name, reply=Said(text=REPLY)) for name in ("one:1b", "two:1b"))
    with ScriptedOllama(*models) as ollama:
        conductor.reach(ollama)
        assert conductor("-l", "python", "Write a function add(first, second)").returncode == 0
    return conductor


def test_without_a_terminal_the_lines_of_an_answer_are_its_own(shown_run: CommandLine) -> None:
    """Each is whole, by itself, below the name of its model: no frame, and no answer beside it."""
    lines = shown_run("show", "last").stdout.splitlines()
    named = [next(line for line in lines if f"ollama/{name} #1" in line) for name in ("one:1b", "two:1b")]
    for heading in map(lines.index, named):
        assert lines[heading + 1 : heading + 5] == REPLY.splitlines()
    assert not {"│", "╭"} & set("".join(lines))
    assert max(len(line) for line in lines if "─" in line) < 80


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_on_a_terminal_answers_stand_side_by_side(shown_run: CommandLine) -> None:
    """As far as its width allows."""
    wide = shown_run.on_terminal("show", "last", columns=140)
    assert [line for line in wide.splitlines() if "ollama/one:1b #1" in line and "ollama/two:1b #1" in line]
    narrow = shown_run.on_terminal("show", "last", columns=80)
    assert not [line for line in narrow.splitlines() if "one:1b #1" in line and "two:1b #1" in line]


def test_the_input_on_which_candidates_differ_is_shown(conductor: CommandLine) -> None:
    """With what each group returned, and who is behind it."""
    sums = Said(text="```python\ndef add(first, second):\n    return first + second\n```")
    first = Said(text="```python\ndef add(first, second):\n    return first\n```")
    said = {"one:1b": sums, "two:1b": sums, "three:1b": first}
    with ScriptedOllama(*(ScriptedModel(name=name, reply=reply) for name, reply in said.items())) as ollama:
        conductor.reach(ollama)
        ran = conductor("-l", "python", "-s", "execution", "Write a function add(first: int, second: int) -> int")
        assert ran.returncode == 0
    if "No candidate" in ran.stderr or "no sandbox" in ran.stderr:
        pytest.skip("no sandbox works here")
    lines = conductor("show", "last").stdout.splitlines()
    place = next(number for number, line in enumerate(lines) if line.startswith("They differ: add("))
    assert lines[place + 1].endswith("(ollama/one:1b, ollama/two:1b)")
    assert lines[place + 2].endswith("(ollama/three:1b)")
