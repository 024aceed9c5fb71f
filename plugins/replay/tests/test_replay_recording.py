"""The format of recordings: what is read, what is refused and where, and that writing and reading are inverse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from codeconductor import InputError
from codeconductor_replay._recording import PACKAGED, Recorded, read_recording, write_recording
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[..., Path]

NAMES = st.text(min_size=1).filter(lambda text: bool(text.strip()))
SECONDS = st.none() | st.floats(0, 1e6)
COUNTS = st.none() | st.integers(0, 10**12)
ANSWERS = st.builds(
    Recorded,
    task_id=NAMES,
    task=NAMES,
    model=NAMES,
    sample=st.integers(0, 99),
    answer=st.text(),
    reasoning=st.text(),
    finish_reason=st.none() | NAMES,
    seconds=SECONDS,
    first_token_seconds=SECONDS,
    prompt_tokens=COUNTS,
    completion_tokens=COUNTS,
    temperature=SECONDS,
    parameters=COUNTS,
    recorded=st.none() | NAMES,
    source=st.none() | NAMES,
)


@given(st.lists(ANSWERS, min_size=1, unique_by=lambda answer: (answer.task_id, answer.model, answer.sample)))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, answers: list[Recorded]) -> None:
    """Whatever a model said: line ends of any kind, signs of any script, nothing at all."""
    path = tmp_path_factory.getbasetemp() / "round.jsonl"
    write_recording(path, answers)
    assert read_recording(path) == tuple(answers)


def test_answers_of_conductor_consensus_with_a_task_are_a_recording(write: Write) -> None:
    """The four keys of ANSWERS, and what was asked; empty lines and further keys are passed over."""
    path = write({"answer": "one", "colour": "green"}, "", {"sample": 1, "answer": "two", "reasoning": None})
    assert [(answer.sample, answer.answer) for answer in read_recording(path)] == [(0, "one"), (1, "two")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "it is no JSON"),
        ("[1]", "it is no JSON object"),
        ("[" * 100_000, "it is no JSON"),
        ({"model": ""}, "'model' is empty"),
        ({"task": "  "}, "'task' is empty"),
        ({"answer": None}, "'answer' is None, not text"),
        ({"answer": 4}, "'answer' is 4, not text"),
        ({"sample": True}, "'sample' is True, not a whole number of 0 or more"),
        ({"sample": -1}, "'sample' is -1, not a whole number of 0 or more"),
        ({"sample": None}, "'sample' is None, not a whole number of 0 or more"),
        ({"seconds": "4"}, "'seconds' is '4', not a number of 0 or more"),
        ({"seconds": float("nan")}, "'seconds' is nan, not a number of 0 or more"),
        ({"seconds": float("inf")}, "'seconds' is inf, not a number of 0 or more"),
        ({"sample": 0}, "line 1 already has sample 0 of 'parrot' for this task"),
    ],
)
def test_a_wrong_line_is_named_with_its_file_and_number(
    write: Write, line: dict[str, object] | str, message: str
) -> None:
    """A person has to find it among thousands."""
    path = write({}, "", line if isinstance(line, str) else {"sample": 1} | line)
    with pytest.raises(InputError) as caught:
        read_recording(path)
    assert caught.value.message == f"{path}, line 3: {message}"
    assert "codeconductor_replay.record" in (caught.value.hint or "")


@pytest.mark.parametrize("key", ["task_id", "task", "model", "sample", "answer"])
def test_a_key_that_is_missing_is_named(write: Write, key: str) -> None:
    """These five are needed; everything else is optional."""
    path = write({})
    line = json.loads(path.read_text(encoding="utf-8"))
    del line[key]
    path.write_text(json.dumps(line), encoding="utf-8")
    with pytest.raises(InputError, match=f"line 1: '{key}' is missing"):
        read_recording(path)


def test_bytes_that_are_no_text_are_refused_with_their_line(tmp_path: Path) -> None:
    """A recording is UTF-8."""
    path = tmp_path / "latin.jsonl"
    path.write_bytes(b'\n{"answer": "\xe9"}\n')
    with pytest.raises(InputError, match="line 2: it is not UTF-8"):
        read_recording(path)


def test_a_file_that_is_missing_or_empty_says_so(tmp_path: Path) -> None:
    """Both name the path, and how a recording is made."""
    with pytest.raises(InputError, match="cannot be read: no such file"):
        read_recording(tmp_path / "gone.jsonl")
    (tmp_path / "empty.jsonl").write_text("\n\n")
    with pytest.raises(InputError, match="has no answer"):
        read_recording(tmp_path / "empty.jsonl")


def test_the_packaged_recording_tells_where_each_answer_comes_from() -> None:
    """One task; every line has model, runtime, day and temperature, and the temperature is in the model's name."""
    answers = read_recording(PACKAGED)
    assert len({answer.task for answer in answers}) == 1
    for answer in answers:
        assert answer.source
        assert answer.source.startswith("llamacpp/SmolLM2-135M-Instruct.Q4_1 (xllamacpp 2")
        assert answer.recorded
        assert answer.temperature is not None
        assert answer.model == f"smollm2-135m-instruct.q4_1-t{answer.temperature:g}"
