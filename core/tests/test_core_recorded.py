"""What recorded lines stand for, and what is learned from the outcomes of earlier tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Project
from codeconductor.consensus import Tally
from codeconductor.converters import structure_line
from codeconductor.pipeline.recorded.index import MATRIX, Index
from codeconductor.pipeline.recorded.values import AnswerLine, TaskLine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codeconductor import Task


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """An empty index."""
    with Index(tmp_path / "index.db") as made:
        yield made


def task_of(tmp_path: Path, **fields: Any) -> Task:
    """The task of a line."""
    line = structure_line({"task_id": "a", "prompt": "Add two numbers."} | fields, TaskLine)
    return line.task(Project(root=tmp_path))


@pytest.mark.parametrize(
    ("fields", "kind", "language", "entry_point"),
    [
        ({}, "function", "python", ""),
        ({"entry_point": "add"}, "function", "python", "add"),
        ({"entry_point": None, "style": "stdin"}, "function", "python", ""),
        ({"entry_point": "Solution().add", "style": "class"}, "class", "python", "Solution().add"),
        ({"prompt": "What is it?"}, "question", None, None),
        ({"prompt": "What is it?", "style": "stdin"}, "function", "python", ""),
        ({"prompt": "What is it?", "language": "Rust"}, "function", "rust", ""),
        ({"kind": "question"}, "question", None, None),
        ({"functions": [{"name": "add"}]}, "call", None, None),
        ({"kind": "bugfix"}, "bugfix", "python", ""),
    ],
)
def test_the_kind_is_told_from_what_the_line_has(
    tmp_path: Path, fields: dict[str, Any], kind: str, language: str | None, entry_point: str | None
) -> None:
    """What only code has makes it a task for code, whatever its words, which tell where nothing else does."""
    task = task_of(tmp_path, **fields)
    assert (task.kind, task.language, task.entry_point) == (kind, language, entry_point)


def test_what_the_author_gave_is_handed_on(tmp_path: Path) -> None:
    """Examples and tests, which the answers are tried with; keys that are not known are left alone."""
    task = task_of(tmp_path, examples=[{"input": "1, 2", "output": "3"}], tests="assert add(1, 2) == 3", gold="3")
    assert [(example.input, example.output) for example in task.examples] == [("1, 2", "3")]
    assert task.tests == "assert add(1, 2) == 3"


def test_an_answer_is_read_as_a_live_one_is() -> None:
    """Its reasoning is kept apart, and its code taken out; the model's id is its name."""
    text = "<think>Hm.</think>Here:\n```python\nx = 1\n```"
    answer = AnswerLine(task_id="a", model="acme/m", sample=3, answer=text).read()
    assert (answer.model.id, answer.sample, answer.reasoning) == ("acme/m", 3, "Hm.")
    assert [block.text for block in answer.code] == ["x = 1\n"]


def test_a_continuation_keeps_its_indentation() -> None:
    """It goes behind the signature of the prompt."""
    assert AnswerLine(task_id="a", model="m", sample=0, answer="    return 1\n").read().text == "    return 1\n"


def test_samples_of_a_task_are_one_outcome(index: Index) -> None:
    """By their share: asking a model more often makes no more of a task."""
    for sample, passed in enumerate([True, False, False, True]):
        assert index.add_outcome("a", "m", sample, None, passed=passed)
    assert not index.add_outcome("a", "m", 3, None, passed=False)
    index.add_outcome("b", "m", 0, None, passed=True)
    earlier = index.earlier("question")
    assert earlier.tallies == earlier.overall == {"m": Tally(1.5, 2)}
    assert sorted(row["m"] for row in earlier.matrix) == [0.5, 1.0]


def test_outcomes_of_another_kind_count_only_over_all_kinds(index: Index) -> None:
    """And those without a kind for each."""
    index.add_outcome("a", "m", 0, "question", passed=True)
    index.add_outcome("b", "m", 0, "function", passed=False)
    index.add_outcome("c", "m", 0, None, passed=True)
    earlier = index.earlier("question")
    assert earlier.tallies == {"m": Tally(2, 2)}
    assert earlier.overall == {"m": Tally(2, 3)}
    assert len(earlier.matrix) == 2


def test_rules_are_tried_on_so_many_tasks_however_many_there_are(index: Index) -> None:
    """The same ones in whatever order the outcomes come; the rates are learned from all."""
    for number in range(MATRIX + 50):
        index.add_outcome(f"task {number}", "m", 0, None, passed=number % 2 == 0)
    earlier = index.earlier("question")
    assert len(earlier.matrix) == MATRIX
    assert earlier.tallies["m"].tasks == MATRIX + 50
    assert earlier == index.earlier("question")


def test_open_tasks_are_those_that_are_not_decided(index: Index) -> None:
    """In their order, and no more than the limit."""
    for start, name in enumerate("abcd"):
        assert index.add_task(name, start)
    assert not index.add_task("a", 9)
    index.mark_decided("b")
    index.mark_decided("unknown")
    assert [start for _, start in index.open_tasks(None)] == [0, 2, 3]
    assert [start for _, start in index.open_tasks(2)] == [0, 2]
    assert index.count_open() == 3


def test_answers_are_ordered_by_model_and_sample(index: Index) -> None:
    """However they come, and only those to known tasks, once."""
    index.add_task("a", 0)
    for start, (model, sample) in enumerate([("m2", 0), ("m1", 1), ("m1", 0)]):
        assert index.add_answer("a", model, sample, start)
    assert not index.add_answer("a", "m1", 0, 9)
    assert not index.add_answer("x", "m1", 0, 9)
    assert index.answers(1) == [2, 1, 0]
    assert index.models() == ["m1", "m2"]
