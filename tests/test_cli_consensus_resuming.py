"""`conductor consensus` that is interrupted, killed or broken: what was decided is kept, and a second call goes on."""

from __future__ import annotations

import gzip
import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import CommandLine


def task(task_id: str, **fields: Any) -> dict[str, Any]:
    """A question."""
    return {"task_id": task_id, "prompt": "What is it?", "kind": "question"} | fields


def said(task_id: str, model: str, answer: str, sample: int = 0) -> dict[str, Any]:
    """An answer."""
    return {"task_id": task_id, "model": model, "sample": sample, "answer": answer}


def decisions(text: str) -> list[dict[str, Any]]:
    """The documents of standard output or of a file."""
    return [json.loads(line) for line in text.split("\n") if line]


SLOW = """
import asyncio
from codeconductor import Consensus, hookimpl

class Slow:
    name = "slow"

    async def decide(self, task, answers, bench):
        if task.text == "wait":
            print("waiting", flush=True)
            await asyncio.Event().wait()
        return Consensus(outcome={"text": answers[0].text}, agreement=1.0, choice=answers[0])

@hookimpl
def conductor_consensus_strategies():
    return [Slow()]
"""

BROKEN = SLOW.replace('if task.text == "wait":', 'if task.text == "wait":\n            raise RuntimeError("oh")')


def test_a_second_call_goes_on_where_the_first_ended(conductor: CommandLine, recorded: Any) -> None:
    """What was decided stays as it is, and no task stands there twice."""
    arguments = recorded([task(name) for name in "abcde"], [said(name, "m1", "4") for name in "abcde"])
    assert conductor(*arguments, "-o", "out.jsonl", "--limit", "2").stdout == ""
    path = conductor.folder / "out.jsonl"
    begun = path.read_bytes()
    assert [item["task_id"] for item in decisions(begun.decode())] == ["a", "b"]
    done = conductor(*arguments, "-o", "out.jsonl", "--json")
    assert "3 of 3 tasks decided" in done.stderr
    assert path.read_bytes().startswith(begun)
    assert [item["task_id"] for item in decisions(path.read_text())] == list("abcde")


def test_a_line_that_a_kill_tore_is_decided_again(conductor: CommandLine, recorded: Any) -> None:
    """What was whole before it stays."""
    arguments = recorded([task("a"), task("b")], [said("a", "m1", "4"), said("b", "m1", "4")])
    conductor(*arguments, "-o", "out.jsonl")
    path = conductor.folder / "out.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert conductor(*arguments, "-o", "out.jsonl").returncode == 0
    assert path.read_bytes() == whole


def test_a_file_of_something_else_is_not_added_to(conductor: CommandLine, recorded: Any) -> None:
    """It was meant for another option."""
    arguments = recorded([task("a")], [said("a", "m1", "4")])
    before = (conductor.folder / "answers.jsonl").read_bytes()
    assert "answers.jsonl, line 1: this is no decision" in conductor.refused(2, *arguments, "-o", "answers.jsonl")
    assert (conductor.folder / "answers.jsonl").read_bytes() == before
    conductor.write("note.txt", "no line ends here")
    conductor.refused(2, *arguments, "-o", "note.txt")
    assert (conductor.folder / "note.txt").read_text() == "no line ends here"


@pytest.mark.usefixtures("unhurried")
def test_an_interrupt_keeps_what_was_decided(conductor: CommandLine, recorded: Any, install: Any) -> None:
    """And says how to go on."""
    install(slow=SLOW)
    tasks = [task("a"), task("b"), task("c", prompt="wait")]
    arguments = recorded(tasks, [said(name, "m1", "4") for name in "abc"])
    process = conductor.start(*arguments, "-s", "slow", "-o", "out.jsonl")
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate()
    assert process.returncode == 130
    assert "what was decided is in 'out.jsonl'" in shown
    decided = decisions((conductor.folder / "out.jsonl").read_text())
    assert [item["task_id"] for item in decided] == ["a", "b"]


def test_an_interrupt_while_files_are_read_leaves_nothing_behind(
    conductor: CommandLine, recorded: Any, tmp_path: Path
) -> None:
    """A million lines take a while, and lie in the folder for temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    conductor.environment["TMPDIR"] = str(temporary)
    recorded([task("a")], [])
    os.mkfifo(conductor.folder / "pipe")
    process = conductor.start("consensus", "pipe", "--tasks", "tasks.jsonl")
    with (conductor.folder / "pipe").open("wb"):  # waits until somebody reads
        process.send_signal(signal.SIGTERM)
        _, shown = process.communicate()
    assert process.returncode == 130
    assert "interrupted" in shown
    assert list(temporary.iterdir()) == []


def test_a_strategy_that_raises_ends_the_command_after_what_was_decided(
    conductor: CommandLine, recorded: Any, install: Any
) -> None:
    """Nothing is put in its place, and plugin and distribution are named."""
    install(slow=BROKEN)
    arguments = recorded([task("a"), task("b", prompt="wait")], [said(name, "m1", "4") for name in "ab"])
    done = conductor(*arguments, "-s", "slow", "--json")
    assert done.returncode == 1
    assert [item["task_id"] for item in decisions(done.stdout)] == ["a"]
    assert "slow" in done.stderr
    assert "slow-plugin" in done.stderr


def test_it_leaves_nothing_behind(conductor: CommandLine, recorded: Any, tmp_path: Path) -> None:
    """Neither in the folder for temporary files nor among the runs."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    arguments = recorded([task("a")], [said("a", "m1", "4")])
    path = conductor.folder / "answers.jsonl"
    path.write_bytes(gzip.compress(path.read_bytes()))
    conductor(*arguments, environment={"TMPDIR": str(temporary)})
    assert list(temporary.iterdir()) == []
    assert conductor("history", "-q").stdout == ""
