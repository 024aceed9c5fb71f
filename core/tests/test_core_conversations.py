"""Conversations that are passed on, single questions, and several runs at once in branches of a session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import (
    Chunk,
    Consensus,
    Message,
    Model,
    ProviderError,
    Query,
    RunSettings,
    ToolCall,
    ask,
    conduct,
    decided_calls,
    hookimpl,
    make_conversation,
)
from codeconductor.dispatch import question
from codeconductor.dispatch.openai_messages import message_document
from codeconductor.events import Warned
from codeconductor.history import History, list_runs, load_run
from codeconductor.testing import a_model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from codeconductor import Answer, Bench, Session, Task

    Start = Callable[..., Session]

TOOL: dict[str, Any] = {"type": "function", "function": {"name": "weather"}}


class Echo:
    """A provider of one model that says again what was said last, in two pieces; and a strategy that takes it."""

    name = "first"

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        return [Model(provider="acme", name="echo", host="memory:")]

    @hookimpl
    def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
        return _say(query) if model.provider == "acme" else None

    @hookimpl
    def conductor_consensus_strategies(self) -> list[Echo]:
        return [self]

    async def decide(self, task: Task, answers: list[Answer], bench: Bench) -> Consensus:
        return Consensus(outcome={"text": answers[0].text}, agreement=1.0, choice=answers[0])


async def _say(query: Query) -> AsyncIterator[Chunk]:
    if query.messages[-1].content == "fail":
        raise ProviderError("no", kind="refused")
    yield Chunk(text="You said: ")
    yield Chunk(text=query.messages[-1].content)


def a_conversation(*words: str, **fields: Any) -> Query:
    """Turns of user and assistant."""
    roles: tuple[Any, ...] = ("user", "assistant")
    return Query(messages=[Message(roles[i % 2], text) for i, text in enumerate(words)], **fields)


def test_a_conversation_is_asked_as_it_stands_with_what_it_leaves_open(session: Session) -> None:
    """Its text is the last wish; the seed and the longest reply are filled in, and no temperature that it has."""
    task = make_conversation(session, a_conversation("One?", "1", "Why?", temperature=0.1))
    assert (task.text, task.kind) == ("Why?", "question")
    asked = question(task, a_model(), temperature=0.7, seed=5)
    assert task.query is not None
    assert asked.messages == task.query.messages
    assert (asked.temperature, asked.seed) == (0.1, 5)
    assert asked.max_tokens is not None


def test_a_conversation_with_tools_is_a_call(session: Session) -> None:
    """Its functions are the tools, and models are offered them."""
    task = make_conversation(session, a_conversation("How is Rome?", tools=[TOOL]))
    assert (task.kind, task.functions) == ("call", (TOOL,))
    assert question(task, a_model()).tools == (TOOL,)


def a_call(name: str) -> ToolCall:
    """Of that function."""
    return ToolCall(name=name, arguments="{}")


def test_of_the_calls_in_a_reply_only_some_may_be_made() -> None:
    """None where nothing is offered, one where one is the most, and of what is offered where a call is required."""
    weather, other = a_call("weather"), a_call("rm")
    assert a_conversation("Hi").permitted([weather]) == ()
    assert a_conversation("Hi", tools=[TOOL]).permitted([other, a_call(""), weather]) == (other, weather)
    assert a_conversation("Hi", tools=[TOOL], parallel_tool_calls=False).permitted([other, weather]) == (other,)
    assert a_conversation("Hi", tools=[TOOL], tool_choice="required").permitted([other, weather]) == (weather,)
    dotted: dict[str, Any] = {"type": "function", "function": {"name": "city.weather"}}
    named = a_conversation("Hi", tools=[dotted], tool_choice="required")
    assert named.permitted([a_call("city_weather")]) == (a_call("city_weather"),)


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ({"calls": [{"name": "weather", "arguments": {"city": "Rome"}}]}, (("weather", '{"city": "Rome"}'),)),
        ({"calls": [{"name": "weather"}, {"name": "rm"}]}, (("weather", "{}"),)),
        ({"calls": [5]}, ()),
        ({"calls": "weather"}, ()),
        ({"text": "sunny"}, ()),
    ],
)
def test_calls_that_a_text_spells_are_the_decided_ones(session: Session, said: Any, made: Any) -> None:
    """As far as they are calls, and may be made; what a model wrote under that name may be anything."""
    task = make_conversation(session, a_conversation("Hi", tools=[TOOL], tool_choice="required"))
    calls = decided_calls(task, Consensus(outcome=said, agreement=1.0))
    assert tuple((call.name, call.arguments) for call in calls) == made


def test_a_turn_with_calls_and_one_that_answers_keep_them() -> None:
    """As OpenAI's protocol has them; a plain turn has nothing more."""
    call = ToolCall(name="weather", arguments="{}", id="c1")
    assert message_document(Message("user", "Hi")) == {"role": "user", "content": "Hi"}
    assert message_document(Message("assistant", "", tool_calls=(call,)))["tool_calls"] == [
        {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    ]
    assert message_document(Message("tool", "sunny", tool_call_id="c1"))["tool_call_id"] == "c1"


async def _asked(session: Session, word: str) -> tuple[Answer, list[str]]:
    heard: list[str] = []
    (model,) = [attrs.evolve(model, plugin="acme") for model in await Echo().conductor_discover_models()]
    answer = await ask(session, model, a_conversation(word), heard=lambda chunk: heard.append(chunk.text))
    return answer, heard


def test_one_model_is_asked_and_heard_piece_by_piece(make_session: Start) -> None:
    """What fails is an answer with an error."""
    session = make_session(acme=Echo())
    answer, heard = asyncio.run(_asked(session, "hello"))
    assert (answer.text, heard) == ("You said: hello", ["You said: ", "hello"])
    answer, heard = asyncio.run(_asked(session, "fail"))
    assert answer.error is not None
    assert (answer.error.kind, heard) == ("refused", [])


def test_a_branch_has_settings_events_and_warnings_of_its_own(session: Session) -> None:
    """And shares all else."""
    told: list[object] = []
    session.events.subscribe(told.append)
    branch = session.branch(run=RunSettings(strategy="first"))
    own: list[object] = []
    branch.events.subscribe(own.append)
    branch.warn("careful")
    assert (branch.warnings, session.warnings) == (["careful"], [])
    assert (own, told) == ([Warned("careful")], [])
    assert branch.settings("run", RunSettings).strategy == "first"
    assert session.settings("run", RunSettings).strategy == "auto"
    assert branch.client("http://127.0.0.1:9") is session.client("http://127.0.0.1:9")


def test_runs_at_once_are_recorded_each_with_its_own_answers(make_session: Start, tmp_path: Path) -> None:
    """Without a prompt, where none is wanted."""
    history = History(tmp_path)
    session = make_session({"run": {"samples": 1}}, acme=Echo(), history=history)
    session.on_branch.append(lambda branch: branch.events.subscribe(history.listener()))

    async def all_at_once() -> list[str]:
        async def one(word: str) -> str:
            branch = session.branch()
            task = make_conversation(branch, a_conversation(word))
            run = await conduct(branch, task, command="serve", writes_prompt=False)
            assert run.prompt is None
            return run.id

        async with session:
            return list(await asyncio.gather(*(one(f"word {number}") for number in range(8))))

    ids = asyncio.run(all_at_once())
    history.close()
    assert len(list_runs(tmp_path, 100)["runs"]) == 8
    for number, run_id in enumerate(ids):
        (answer,) = load_run(tmp_path, run_id)["answers"]
        assert answer["text"] == f"You said: word {number}"
