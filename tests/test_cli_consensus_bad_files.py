"""`conductor consensus` with files that are malformed, damaged, missing, or just odd: named by file and line."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import CommandLine


def lines(*objects: dict[str, Any]) -> str:
    """JSON lines."""
    return "".join(json.dumps(item) + "\n" for item in objects)


def task(task_id: str, **fields: Any) -> dict[str, Any]:
    """A question."""
    return {"task_id": task_id, "prompt": "What is it?", "kind": "question"} | fields


def said(task_id: str, model: str, answer: str, sample: int = 0) -> dict[str, Any]:
    """An answer."""
    return {"task_id": task_id, "model": model, "sample": sample, "answer": answer}


def decisions(text: str) -> list[dict[str, Any]]:
    """The documents of standard output or of a file."""
    return [json.loads(line) for line in text.split("\n") if line]


# What is refused


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        ('{"task_id": "a", "model": "m", "answer": "4"}', "'sample' is missing"),
        ('{"task_id": "a", "model": "m", "sample": "0", "answer": "4"}', "'sample': expected a whole number"),
        ('{"task_id": "a", "model": "m", "sample": -1, "answer": "4"}', "'sample': expected a number from 0 on"),
        ('{"task_id": "a", "model": "m", "sample": true, "answer": "4"}', "'sample': expected a whole number"),
        ('{"task_id": "a", "model": "m", "sample": 0, "answer": null}', "'answer': expected text"),
        ("[" * 100_000, "nested too deep"),
        ('{"a": "\udcff"}', "not UTF-8"),
    ],
    ids=lambda value: value[:30],
)
def test_a_malformed_answer_is_named_by_file_and_line(
    conductor: CommandLine, recorded: Any, line: str, fault: str
) -> None:
    """Exit 2 before anything is decided; blank lines count as lines."""
    arguments = recorded([task("a")], [said("a", "m1", "4")])
    with (conductor.folder / "answers.jsonl").open("ab") as file:
        file.write(b"\n" + line.encode("utf-8", "surrogateescape") + b"\n")
    shown = conductor.refused(2, *arguments, "--json")
    assert "answers.jsonl, line 3: " in shown
    assert fault in shown


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kind": "poem"}, "'kind': expected 'function' or"),
        ({"style": "haiku"}, "'style': expected 'function' or"),
        ({"prompt": 5}, "'prompt': expected text"),
        ({"examples": [{"input": "1"}]}, "'examples'"),
        ({"task_id": "a"}, "two tasks 'a'"),
    ],
)
def test_a_malformed_task_is_named_by_file_and_line(
    conductor: CommandLine, recorded: Any, fields: dict[str, Any], fault: str
) -> None:
    """And so is one whose id another one has."""
    shown = conductor.refused(2, *recorded([task("a"), task("b") | fields], []))
    assert "tasks.jsonl, line 2: " in shown
    assert fault in shown


def test_a_gzip_file_that_ends_too_early_is_named(conductor: CommandLine, recorded: Any) -> None:
    """With the line that could not be read."""
    arguments = recorded([task("a")], [])
    packed = gzip.compress(lines(*(said("a", f"m{number}", os.urandom(50).hex()) for number in range(100))).encode())
    conductor.write("answers.jsonl", packed[: len(packed) // 2])
    shown = conductor.refused(2, *arguments)
    assert "answers.jsonl, line " in shown
    assert "damaged or ends too early" in shown


@pytest.mark.parametrize("missing", ["answers.jsonl", "tasks.jsonl"])
def test_a_file_that_does_not_exist_is_named(conductor: CommandLine, recorded: Any, missing: str) -> None:
    """As what the user has to correct."""
    arguments = recorded([task("a")], [])
    (conductor.folder / missing).unlink()
    assert missing in conductor.refused(2, *arguments)


def test_an_unknown_strategy_is_refused_before_anything_is_read(conductor: CommandLine) -> None:
    """With the nearest name, though the files do not even exist."""
    shown = conductor.refused(2, "consensus", "none.jsonl", "--tasks", "none.jsonl", "-s", "majorty")
    assert "did you mean 'majority'" in shown


# What is only odd


def test_unknown_tasks_and_second_answers_are_passed_over_with_a_warning(conductor: CommandLine, recorded: Any) -> None:
    """One of each is named; the first answer of a model and sample counts."""
    arguments = recorded(
        [task("a")],
        [said("a", "m1", "4"), said("x", "m1", "4"), said("a", "m1", "5"), said("y", "m1", "4"), said("a", "m2", "4")],
    )
    done = conductor(*arguments, "--json")
    assert done.returncode == 0
    assert decisions(done.stdout)[0]["agreement"] == 1.0
    assert "line 2 and 1 more passed over: of a task that is not known" in done.stderr
    assert "line 3 passed over: its task has an answer of that model and sample" in done.stderr


def test_empty_answers_are_no_answers(conductor: CommandLine, recorded: Any) -> None:
    """A task that has only such ones has no choice; beside others they do not vote."""
    arguments = recorded([task("a"), task("b")], [said("a", "m1", " \n"), said("b", "m1", ""), said("b", "m2", "4")])
    first, second = decisions(conductor(*arguments, "--json").stdout)
    assert first["choice"] is None
    assert "usable" in first["error"]
    assert second["choice"] == {"model": "m2", "sample": 0}


def test_names_are_given_back_as_recorded(conductor: CommandLine, recorded: Any) -> None:
    """Half a character and a line separator do not tear a line of the output."""
    model, task_id = "acme/m\u2028 \ud800:7b", "t\ud83d"
    done = conductor(*recorded([task(task_id)], [said(task_id, model, "4")]), "--json")
    decision = json.loads(done.stdout)
    assert decision["task_id"] == task_id
    assert decision["choice"] == {"model": model, "sample": 0}
    assert len(done.stdout.splitlines()) == 1


def test_an_answer_of_ten_megabytes_is_one_answer(conductor: CommandLine, recorded: Any) -> None:
    """It costs its own vote at most."""
    flood = "the answer repeats itself " * 400_000
    arguments = recorded([task("a")], [said("a", "m1", flood), said("a", "m2", "4"), said("a", "m3", "4")])
    done = conductor(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert decisions(done.stdout)[0]["outcome"] == {"answer": "4"}
