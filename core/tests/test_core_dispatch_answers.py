"""What one answer holds, and what becomes of it when its plugin or its server fails: nothing that arrived is lost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Answer, Chunk, Model, ProviderError, Query, ToolCall, Usage, hookimpl
from codeconductor.dispatch import dispatch
from codeconductor.events import Answered, Arriving, Asked
from codeconductor.testing import MakeSession, a_model, a_query, record_events, run_at_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from codeconductor import Session


class Acme:
    """Models whose streams are scripts."""

    def __init__(self, **scripts: Callable[[Query], AsyncIterator[Any]]) -> None:
        self.scripts = scripts

    @hookimpl
    def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Any]:
        return self.scripts[model.name](query)


def says(*chunks: Any) -> Callable[[Query], AsyncIterator[Any]]:
    """A script: each chunk after a second; a text stands for a chunk of it, an exception is raised."""

    async def script(_query: Query) -> AsyncIterator[Any]:
        for chunk in chunks:
            await asyncio.sleep(1.0)
            if isinstance(chunk, BaseException):
                raise chunk
            yield Chunk(text=chunk) if isinstance(chunk, str) else chunk

    return script


def mine(name: str, **fields: Any) -> Model:
    return a_model(name, plugin="acme", **fields)


async def answers_of(session: Session, models: Sequence[Model], **arguments: Any) -> list[Answer]:
    async with dispatch(session, models, a_query(), **arguments) as arrivals:
        return [answer async for answer in arrivals]


def one(make_session: MakeSession, script: Callable[[Query], AsyncIterator[Any]]) -> Answer:
    """The answer of a model with this script."""
    (answer,) = run_at_once(answers_of(make_session(acme=Acme(m=script)), [mine("m")]))
    return answer


# What it holds


def test_reasoning_is_kept_apart(make_session: MakeSession) -> None:
    """From its own field and from a leading block in the text; it never counts as an answer."""
    answer = one(make_session, says(Chunk(reasoning="first "), "<think>second</think>", "4"))
    assert (answer.text, answer.reasoning) == ("4", "first \nsecond")
    assert answer.is_usable
    for script, words in (
        (says(Chunk(reasoning="hm")), "only reasoning"),
        (says("<think>hm</think>"), "only reasoning"),
        (says(Chunk(reasoning="hm"), Chunk(finish_reason="length")), "used up the token limit"),
    ):
        answer = one(make_session, script)
        assert answer.error is not None
        assert answer.error.kind == "empty"
        assert words in answer.error.message
        assert answer.reasoning == "hm"


def test_an_answer_holds_all_that_its_chunks_told(make_session: MakeSession) -> None:
    """Text, proposal, code, tool calls, usage, finish reason and times."""
    call, usage = ToolCall(name="add", arguments="{}"), Usage(prompt_tokens=3, completion_tokens=5)
    text = '```json\n{"approach": "x"}\n```\n```python a.py\npass\n```\n'
    script = says(Chunk(), text[:20], text[20:], Chunk(tool_calls=[call]), Chunk(finish_reason="length", usage=usage))
    answer = one(make_session, script)
    assert (answer.text, answer.data, answer.error) == (text, {"approach": "x"}, None)
    assert [(block.language, block.path, block.text) for block in answer.code] == [("python", "a.py", "pass\n")]
    assert (answer.tool_calls, answer.usage, answer.finish_reason) == ((call,), usage, "length")
    assert (answer.first_token_seconds, answer.seconds) == (2.0, 5.0)


def test_a_call_of_a_tool_is_an_answer(make_session: MakeSession) -> None:
    """Without a word of text."""
    answer = one(make_session, says(Chunk(tool_calls=[ToolCall(name="add", arguments="{}")])))
    assert answer.is_usable


def test_progress_is_told_as_it_happens(make_session: MakeSession) -> None:
    """Asked, then each piece with the characters so far, then answered."""
    session = make_session(acme=Acme(m=says("ab", Chunk(), Chunk(reasoning="c"), "d")))
    log = record_events(session)
    model = mine("m", loaded=False)
    run_at_once(answers_of(session, [model]))
    assert log.of(Asked) == [Asked(model, 0, True)]
    assert [(event.text, event.reasoning) for event in log.of(Arriving)] == [(2, 0), (2, 1), (3, 1)]
    assert [type(event) for event in log][-1] is Answered


# How it fails


def test_a_bug_of_a_plugin_is_told_with_its_name(make_session: MakeSession) -> None:
    """So that it can be reported to the right person."""
    answer = one(make_session, says(ValueError("a bug")))
    assert answer.error is not None
    assert answer.error.message == "plugin 'acme' raised ValueError: a bug"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (Chunk(text=None), "the plugin gave a Chunk whose text is NoneType"),  # type: ignore[arg-type]
        (Chunk(usage=5), "the plugin gave a Chunk whose usage is int"),  # type: ignore[arg-type]
        (SystemExit("no licence"), "plugin 'acme' raised SystemExit: no licence"),
        (asyncio.CancelledError("mine"), "plugin 'acme' raised CancelledError: mine"),
        (BaseException("a panic"), "plugin 'acme' raised BaseException: a panic"),
    ],
    ids=["text", "usage", "exits", "cancels itself", "panics"],
)
def test_nothing_that_a_plugin_does_keeps_the_others_waiting(
    make_session: MakeSession, said: object, told: str
) -> None:
    """Its answer fails, with what had come before."""
    answer = one(make_session, says("before", said))
    assert answer.error is not None
    assert (answer.error.kind, answer.error.message, answer.text) == ("plugin", told, "before")


def test_facts_that_no_answer_can_be_made_of_cost_only_their_own(make_session: MakeSession) -> None:
    """What was said is kept; nobody waits for an answer that never comes."""
    usage = Usage(prompt_tokens="many", completion_tokens=1)  # type: ignore[arg-type]
    answer = one(make_session, says("before", Chunk(usage=usage)))
    assert answer.error is not None
    assert (answer.error.kind, answer.text) == ("plugin", "before")


@pytest.mark.parametrize("loaded", [True, None])
def test_not_even_an_exception_of_python_itself_keeps_the_others_waiting(
    make_session: MakeSession, loaded: bool | None
) -> None:
    """An exception that is for generators alone ends a plugin's task where nobody can catch it."""

    class Leaving:
        @hookimpl
        def conductor_query_model(self) -> AsyncIterator[Chunk]:
            return self

        def __aiter__(self) -> AsyncIterator[Chunk]:
            return self

        async def __anext__(self) -> Chunk:
            raise GeneratorExit

    answers = run_at_once(answers_of(make_session(acme=Leaving()), [mine("m", loaded=loaded)], samples=2))
    assert [answer.error and answer.error.kind for answer in answers] == ["plugin", "plugin"]
    assert "GeneratorExit" in str(answers[0].error)


def test_a_plugin_that_cancels_the_task_it_runs_in_keeps_nobody_waiting(make_session: MakeSession) -> None:
    """As a library does that has its own idea of a time limit."""

    async def cancels(_query: object) -> AsyncIterator[Chunk]:
        yield Chunk(text="before")
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    answer = one(make_session, cancels)
    assert (answer.error and answer.error.kind, answer.text) == ("plugin", "before")


def test_an_endless_stream_that_never_waits_is_cut(make_session: MakeSession) -> None:
    """It would fill the memory, and keep all others waiting."""

    async def endless(_query: object) -> AsyncIterator[Chunk]:
        while True:
            yield Chunk(text="x" * 65_536)

    answer = one(make_session, endless)
    assert answer.error
    assert "is longer than" in answer.error.message
    assert len(answer.text) < 5 * 2**20


async def swallows(_query: Query) -> AsyncIterator[Chunk]:
    """A script that does not end when it is cancelled for the first time."""
    yield Chunk(text="before")
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(1_000)
    await asyncio.sleep(1_000)
    yield Chunk(text="after")


async def lingers(_query: Query) -> AsyncIterator[Chunk]:
    """A script whose clean-up takes long."""
    try:
        yield Chunk(text="before")
        await asyncio.sleep(1_000)
    finally:
        await asyncio.sleep(1_000)


@pytest.mark.parametrize("script", [swallows, lingers])
def test_a_stream_that_does_not_end_when_it_is_cancelled_is_not_waited_for(
    make_session: MakeSession, script: Callable[[Query], AsyncIterator[Any]]
) -> None:
    """Neither when its time is over nor when enough others have answered; what it gave is kept."""

    async def ask(models: Sequence[Model], enough: int) -> tuple[float, list[Answer]]:
        clock = asyncio.get_running_loop().time
        began = clock()
        async with dispatch(session, models, a_query(), samples=2) as arrivals:
            answers = [await anext(arrivals) for _ in range(enough)]
        return clock() - began, answers + arrivals.rest

    session = make_session(acme=Acme(m=script, other=says("4")))
    took, answers = run_at_once(ask([mine("m")], 2))
    assert [(answer.error and answer.error.kind, answer.text) for answer in answers] == [("timeout", "before")] * 2
    assert took < 2 * 31
    took, answers = run_at_once(ask([mine("m", parallel=3), mine("other", parallel=3)], 1))
    assert sorted(answer.text for answer in answers) == ["", "4", "before", "before"]
    assert took < 5


def test_a_stream_that_exits_when_it_is_closed_has_given_its_answer(make_session: MakeSession) -> None:
    """`SystemExit` would otherwise end the program in the midst of the others' answers."""

    class Exiting:
        @hookimpl
        def conductor_query_model(self) -> AsyncIterator[Chunk]:
            return self

        chunks = 1

        def __aiter__(self) -> AsyncIterator[Chunk]:
            return self

        async def __anext__(self) -> Chunk:
            if not self.chunks:
                raise StopAsyncIteration
            self.chunks -= 1
            return Chunk(text="fine")

        async def aclose(self) -> None:
            raise SystemExit("no licence")

    answer = run_at_once(answers_of(make_session(acme=Exiting()), [mine("m")]))[0]
    assert (answer.text, answer.error) == ("fine", None)


def test_a_stream_that_cannot_be_closed_has_given_its_answer(make_session: MakeSession) -> None:
    """It ends in its own clean-up, after the time is over."""

    async def stuck(_query: object) -> AsyncIterator[Chunk]:
        try:
            yield Chunk(text="before")
            await asyncio.sleep(1e6)
        finally:
            raise RuntimeError("stuck")

    answer = one(make_session, stuck)
    assert answer.text == "before"
    assert answer.error is not None


def test_a_model_whose_plugin_is_gone_fails_alone(make_session: MakeSession) -> None:
    """As any other failure of a plugin."""
    answer = run_at_once(answers_of(make_session(), [mine("m")]))[0]
    assert answer.error is not None
    assert answer.error.kind == "plugin"


def test_no_key_is_repeated_in_a_failure(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers quote the beginning of what they were sent."""
    monkeypatch.setenv("ACME_KEY", "sk-0123456789abcdef")
    session = make_session(acme=Acme(m=says(ProviderError("bad key sk-0123456... given", hint="sk-0123456789abcdef"))))
    assert session.secret("env:ACME_KEY") == "sk-0123456789abcdef"
    answer = run_at_once(answers_of(session, [mine("m")]))[0]
    assert answer.error is not None
    assert "0123" not in f"{answer.error.message} {answer.error.hint}"
