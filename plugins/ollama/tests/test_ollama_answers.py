"""What comes of an answer: schemas that are refused, reasoning, other models' answers, and odd ways to send it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import Answer, Session, discover
from codeconductor.dispatch import dispatch
from codeconductor.testing import a_query
from codeconductor.testing.servers import (
    Said,
    ScriptedModel,
    ScriptedOllama,
    answered_by,
    broken_utf8,
    combined,
    dies_idle,
    error_frame,
    gzipped,
    only_first,
    only_reasoning,
    rechunked,
    status,
    with_length,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from codeconductor.testing.servers import Exchange, Fault, Frame

    Start = Callable[..., Session]

pytestmark = pytest.mark.anyio

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


async def answer_of(session: Session, **fields: Any) -> Answer:
    (model,) = (await discover(session)).models
    async with dispatch(session, [model], a_query("Who is Sarah?", **fields)) as arrivals:
        return await anext(arrivals)


# A JSON schema


@pytest.mark.parametrize(
    "refusal",
    [
        status(400, {"error": 'invalid format: expected "json" or a JSON schema'}),
        status(500, {"error": "invalid JSON schema in format"}),
        status(500, {"error": "failed to load model vocabulary required for format"}),
        error_frame(after=0, message="failed to parse grammar"),
    ],
)
async def test_a_schema_that_is_refused_is_left_out_once(start: Start, refusal: Fault) -> None:
    """By status, and by an error in place of the first line."""
    model = ScriptedModel(name="a:1b", reply='{"name": "Sarah"}')
    with ScriptedOllama(model, faults={"/api/chat": only_first(1, refusal)}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session, response_schema=SCHEMA, temperature=0.5)
        first, second = (request.body for request in ollama.asked("/api/chat"))
    assert answer.data == {"name": "Sarah"}
    assert first.pop("format") == SCHEMA
    assert first == second


@pytest.mark.parametrize(
    ("refusal", "schema", "asked"),
    [
        (status(500, {"error": "invalid JSON schema in format"}), SCHEMA, 2),
        (status(500, {"error": "invalid JSON schema in format"}), None, 1),
        (status(500, {"error": "CUDA error"}), SCHEMA, 1),
        (error_frame(after=1, message="failed to parse grammar"), SCHEMA, 1),
    ],
)
async def test_nothing_else_is_asked_again(start: Start, refusal: Fault, schema: Any, asked: int) -> None:
    """Nor is a refusal that has nothing to do with the schema, or that comes when the answer has begun."""
    with ScriptedOllama("a:1b", faults={"/api/chat": refusal}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session, response_schema=schema)
        assert len(ollama.asked("/api/chat")) == asked
    assert answer.error is not None
    assert answer.error.kind == "server"


async def test_a_cloud_model_is_sent_no_schema(start: Start) -> None:
    """The cloud does not apply it."""
    with ScriptedOllama(ScriptedModel(name="a:1b-cloud", remote=True)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            await answer_of(session, response_schema=SCHEMA)
        assert "format" not in ollama.asked("/api/chat")[0].body


# Reasoning


@pytest.mark.parametrize(
    "said",
    [
        Said(reasoning="Let me see.", text="Sarah."),
        Said(text="<think>Let me see.</think>Sarah."),
        Said(text="<think>\nLet me see.\n</think>\n\nSarah."),
        Said(text="Let me see.</think>Sarah."),
    ],
)
async def test_reasoning_is_kept_apart_in_whatever_form_it_comes(start: Start, said: Said) -> None:
    """In a field of its own since 0.9, before that and for models without the capability as tags in the text."""
    with ScriptedOllama(ScriptedModel(name="a:1b", reply=said, chunk=3)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session)
        assert "think" not in ollama.asked("/api/chat")[0].body
    assert (answer.text.strip(), answer.reasoning.strip(), answer.error) == ("Sarah.", "Let me see.", None)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (ScriptedModel(name="a:1b", fault=only_reasoning("Hm.")), "only reasoning"),
        (ScriptedModel(name="a:1b", reply="<think>Hm. And then"), "only reasoning"),
        (ScriptedModel(name="a:1b", reply=Said(reasoning="Hm.", finish_reason="length")), "token limit"),
    ],
)
async def test_reasoning_alone_is_no_answer(start: Start, model: ScriptedModel, words: str) -> None:
    """It is kept, and the failure says what used up the answer."""
    with ScriptedOllama(model) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session)
    assert answer.error is not None
    assert answer.error.kind == "empty"
    assert words in answer.error.message
    assert answer.reasoning.startswith("Hm.")


# Who answers


@pytest.mark.parametrize(
    ("name", "by", "warned"),
    [("a:1b", "b:1b", True), ("a:latest", "a", False), ("a", "a:latest", False), ("a:1b", "a:1b", False)],
)
async def test_an_answer_by_another_model_is_warned_about(start: Start, name: str, by: str, warned: bool) -> None:
    """Once, with both names."""
    with ScriptedOllama(ScriptedModel(name=name, chunk=4, fault=answered_by(by))) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session)
            assert answer.error is None
            assert len(session.warnings) == warned
            assert all(name in warning and by in warning for warning in session.warnings)


async def test_a_cloud_model_may_answer_under_the_name_that_it_has_there(start: Start) -> None:
    """Its suffix is the local server's."""
    with ScriptedOllama(ScriptedModel(name="a:1b-cloud", remote=True, fault=answered_by("a:1b"))) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session)
            assert (answer.error, session.warnings) == (None, [])


# The wire


@pytest.mark.parametrize(
    "sending", [rechunked(1), rechunked(1000), with_length(), gzipped(), combined(rechunked(7), gzipped())]
)
async def test_an_answer_is_the_same_however_it_is_sent(start: Start, sending: Fault) -> None:
    """Torn into single bytes, several lines in one piece, all at once, compressed."""
    text = "one\u2028two\x85three ☃ 𝄞\r\nfour\n" * 20
    with ScriptedOllama(ScriptedModel(name="a:1b", reply=text, chunk=7, fault=sending)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session)
    assert (answer.text, answer.error, answer.finish_reason) == (text, None, "stop")


def as_in_a_newer_version(data: Any) -> Any:
    """The same with a field more in every object."""
    if isinstance(data, list):
        return [as_in_a_newer_version(item) for item in data]
    if isinstance(data, dict):
        return {"added_later": {"by": ["v1", None]}} | {key: as_in_a_newer_version(data[key]) for key in data}
    return data


async def test_fields_that_a_newer_version_adds_are_ignored(start: Start) -> None:
    """In every reply, at every depth."""

    async def newer(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in frames:
            yield attrs.evolve(frame, data=json.dumps(as_in_a_newer_version(json.loads(frame.data))).encode() + b"\n")

    said = Said(reasoning="Hm.", text="Sarah.", tool_calls=(("search", {"query": "Sarah"}),))
    replies = []
    for faults in ({}, {"*": newer}):
        with ScriptedOllama(
            ScriptedModel(name="a:1b", reply=said, loaded=False), version="0.11.0", faults=faults
        ) as ollama:
            async with start(hosts=[ollama.host]) as session:
                answer = await answer_of(session)
            assert answer.error is None
            call = answer.tool_calls[0]
            model = attrs.evolve(answer.model, host="")
            replies.append((model, answer.text, answer.reasoning, answer.usage, call.name, json.loads(call.arguments)))
    plain, with_more = replies
    assert plain[:-1] == with_more[:-1]
    assert plain[-1] == {"query": "Sarah"}


async def test_what_is_null_is_missing(start: Start) -> None:
    """Go writes null for a list or an object that was never made."""
    nothing = {"model": None, "message": None, "done": False, "done_reason": None, "remote_host": None}
    lines = [
        nothing,
        {"message": {"content": None, "thinking": None, "tool_calls": None}},
        {"message": {"content": "Hi."}, "done": True, "prompt_eval_count": None, "eval_count": None},
    ]
    body = "\n".join(map(json.dumps, lines))
    with ScriptedOllama("a:1b", faults={"/api/chat": status(200, body, "application/x-ndjson")}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session)
    assert (answer.text, answer.error, answer.prompt_cut) == ("Hi.", None, None)


async def test_what_came_before_a_broken_character_is_kept(start: Start) -> None:
    """The line that has it cannot be read."""
    model = ScriptedModel(name="a:1b", reply="one two three", chunk=4, fault=broken_utf8(after=2))
    with ScriptedOllama(model) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session)
    assert answer.error is not None
    assert (answer.error.kind, answer.text) == ("protocol", "one two ")
    assert "`ollama serve`" in (answer.error.hint or "")


async def test_an_idle_connection_that_the_server_closed_costs_no_answer(start: Start) -> None:
    """The question is sent once more, over a connection of its own."""
    with ScriptedOllama("a:1b", faults={"/api/chat": dies_idle()}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session)
    assert answer.error is None


async def test_counts_below_zero_tell_nothing(start: Start) -> None:
    """Some builds have counters that run over; a document holds token counts or null."""

    async def below_zero(_exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in frames:
            line = json.loads(frame.data)
            if line["done"]:
                line |= {"prompt_eval_count": -5, "eval_count": -7}
            yield attrs.evolve(frame, data=json.dumps(line).encode() + b"\n")

    with ScriptedOllama(ScriptedModel(name="a:1b", reply="Hello.", fault=below_zero)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answer = await answer_of(session)
    assert answer.error is None
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (None, None)
    assert answer.prompt_cut is None
