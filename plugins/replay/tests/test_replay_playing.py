"""Recorded answers as models: listed where they are named, played in order, and never to another question."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import codeconductor_replay
import pytest
from codeconductor import Answer, InputError, Query, Session, Usage, discover
from codeconductor.dispatch import dispatch
from codeconductor.testing.values import a_model, a_query
from codeconductor_replay import _playing
from codeconductor_replay._playing import _pieces
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor.testing.sessions import MakeSession

    Start = Callable[..., Session]
    Write = Callable[..., Path]

pytestmark = pytest.mark.anyio

ADD = a_query("Add two numbers, please.")


async def answers_of(session: Session, query: Query = ADD, samples: int = 1) -> list[Answer]:
    async with session:
        models = (await discover(session)).models
        async with dispatch(session, models, query, samples=samples) as arrivals:
            answers = [answer async for answer in arrivals]
    return sorted(answers, key=lambda answer: (answer.model.id, answer.sample))


@pytest.mark.parametrize(("run", "names"), [({}, []), ({"models": ["replay/*"]}, ["parrot"]), ({"models": ["*"]}, [])])
async def test_recorded_models_are_listed_only_where_they_are_named(
    make_session: MakeSession, write: Write, run: dict[str, Any], names: list[str]
) -> None:
    """A recording must never answer in place of a model without being asked to."""
    tables = {"run": run, "providers": {"replay": {"recording": str(write({}))}}}
    async with make_session(tables, replay=codeconductor_replay) as session:
        found = await discover(session)
    assert [model.name for model in found.models] == names


async def test_samples_are_played_in_their_order_with_all_that_was_recorded(start: Start, write: Write) -> None:
    """Whatever the order of the lines; text, reasoning and counts are those of the recording."""
    facts = {"finish_reason": "stop", "prompt_tokens": 7, "completion_tokens": 9, "reasoning": "hm", "parameters": 5}
    path = write({"sample": 1, "answer": "second"}, {"answer": "  first\r\n\n", **facts})
    first, second = await answers_of(start(recording=str(path)), samples=2)
    assert (first.text, second.text) == ("  first\r\n\n", "second")
    assert (first.reasoning, first.finish_reason) == ("hm", "stop")
    assert first.usage == Usage(prompt_tokens=7, completion_tokens=9)
    assert first.model.parameters == 5


async def test_each_model_answers_for_itself(start: Start, write: Write) -> None:
    """Two models of a recording are two voices."""
    path = write({}, {"model": "crow", "answer": "b + a"})
    crow, parrot = await answers_of(start(recording=str(path)))
    assert (crow.text, parrot.text) == ("b + a", "a + b")


async def test_a_task_that_contains_another_is_told_apart(start: Start, write: Write) -> None:
    """The longest recorded task that the question contains is meant."""
    longer = {"task_id": "u", "task": "Add two numbers, please", "answer": "politely"}
    (answer,) = await answers_of(start(recording=str(write({}, longer))))
    assert answer.text == "politely"


async def test_another_question_is_refused_and_the_recorded_one_named(start: Start, write: Write) -> None:
    """A recorded answer to something else would be a lie."""
    (answer,) = await answers_of(start(recording=str(write({}))), a_query("Subtract two numbers."))
    assert answer.error
    assert answer.error.kind == "refused"
    assert answer.error.message == "there is no recorded answer of 'parrot' to this task; recorded: 'Add two numbers'"


async def test_one_sample_more_than_recorded_is_refused(start: Start, write: Write) -> None:
    """None is played twice: it would count as agreement."""
    first, second = await answers_of(start(recording=str(write({}))), samples=2)
    assert first.error is None
    assert second.error
    assert second.error.kind == "refused"
    assert second.error.hint == "ask for at most 1 --samples"


async def test_people_are_told_that_no_model_is_asked(start: Start, write: Write) -> None:
    """Once, with the day and the source."""
    line = {"recorded": "2026-01-31", "source": "parrot 1.0"}
    session = start(recording=str(write(line, line | {"sample": 1})))
    await answers_of(session, samples=2)
    assert session.warnings == ["no model is asked: these are answers that were recorded on 2026-01-31 from parrot 1.0"]


@pytest.mark.parametrize(("other", "said"), [(0.7, " at 2 temperatures"), (0.2, "")])
async def test_people_are_told_of_several_models_that_are_one(
    start: Start, write: Write, other: float, said: str
) -> None:
    """Their agreement says less than that of models that differ."""
    line = {"source": "parrot 1.0", "temperature": 0.2}
    session = start(recording=str(write(line, line | {"model": "budgie", "temperature": other})))
    await answers_of(session)
    assert session.warnings == [
        f"no model is asked: these are answers that were recorded from parrot 1.0; the 2 models here are this one{said}"
    ]


async def test_a_broken_recording_is_a_problem_where_the_provider_is_named(start: Start, write: Write) -> None:
    """With file and line."""
    path = write({}, "{")
    async with start(recording=str(path)) as session:
        found = await discover(session)
    assert not found.models
    assert [problem.error for problem in found.problems] == [f"{path}, line 2: it is no JSON"]


async def test_a_recording_in_nobodys_home_is_a_problem_with_a_remedy(start: Start) -> None:
    """Not a fault of the plugin, and not a provider without models."""
    async with start(recording="~nobody-of-this-name/x.jsonl") as session:
        (problem,) = (await discover(session)).problems
    assert problem.error == "the recording '~nobody-of-this-name/x.jsonl' is in nobody's home folder"
    assert problem.hint


async def test_a_broken_recording_disturbs_nobody_who_does_not_name_it(make_session: MakeSession, write: Write) -> None:
    """Neither a model nor a problem."""
    tables = {"providers": {"replay": {"recording": str(write("{"))}}}
    async with make_session(tables, replay=codeconductor_replay) as session:
        found = await discover(session)
    assert (found.models, found.problems) == ((), ())


def test_a_project_cannot_choose_the_recording_before_it_is_trusted(start: Start, project_folder: Path) -> None:
    """A cloned repository must not put words into models' mouths."""
    (project_folder / "conductor.toml").write_text("[providers.replay]\nrecording = 'forged.jsonl'\n")
    session = start()
    assert _playing.recording_of(session)[0].source
    assert any("is not trusted" in warning for warning in session.warnings)


async def test_the_slowest_answer_takes_the_pace_and_the_others_their_share(
    start: Start, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first piece comes in proportion too."""
    slept: list[float] = []

    async def note(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", note)
    timed = {"answer": "one two three four", "seconds": 8.0, "first_token_seconds": 4.0}
    path = write(timed, {"model": "crow", "answer": "one two", "seconds": 2.0})
    async with start(recording=str(path), pace=2.0) as session:
        by_name = {model.name: model for model in (await discover(session)).models}
        for name, first, whole in (("parrot", 1.0, 2.0), ("crow", 0.0, 0.5)):
            slept.clear()
            stream = codeconductor_replay.conductor_query_model(session, by_name[name], ADD)
            assert stream is not None
            assert "".join([chunk.text async for chunk in stream]).startswith("one two")
            assert slept[0] == pytest.approx(first)
            assert sum(slept) == pytest.approx(whole)


async def test_without_measured_seconds_an_answer_comes_at_once(start: Start, write: Write) -> None:
    """There is nothing to be in proportion to: with this pace it would take for ever."""
    async with start(recording=str(write({})), pace=1e9) as session:
        stream = codeconductor_replay.conductor_query_model(session, a_model("parrot", provider="replay"), ADD)
        assert stream is not None
        assert "".join([chunk.text async for chunk in stream]) == "a + b"


@given(st.text())
def test_pieces_make_the_whole_text_again(text: str) -> None:
    """And there are never many, however long it is."""
    pieces = _pieces(text)
    assert "".join(pieces) == text
    assert len(pieces) <= _playing.PIECES


@pytest.mark.parametrize("pace", ["-1.0", "nan", "inf", "'fast'"])
def test_a_pace_that_is_no_span_is_refused(make_session: MakeSession, project_folder: Path, pace: str) -> None:
    """Before anything is played."""
    (project_folder / "conductor.toml").write_text(f"[providers.replay]\npace = {pace}\n")
    with pytest.raises(InputError, match="pace"):
        make_session(replay=codeconductor_replay)
