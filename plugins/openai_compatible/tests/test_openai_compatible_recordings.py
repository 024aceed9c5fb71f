"""Replies of a real server with OpenAI's chat completions are read as what they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Answer, Message, Model, Query, Usage, discover
from codeconductor.dispatch import dispatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from codeconductor import Session

    Replay = Callable[[str], AbstractContextManager[object]]
    Start = Callable[..., Session]

HOST = "http://127.0.0.1:8080"


def answer(session: Session, name: str, text: str, **fields: Any) -> Answer:
    """One answer; whoever gave it is not taken for another model."""
    model = Model(provider="openai_compatible", name=name, host=HOST, plugin="openai_compatible")
    query = Query(messages=[Message("user", text)], **fields)

    async def run() -> Answer:
        async with session, dispatch(session, [model], query) as arrivals:
            return await anext(arrivals)

    told = asyncio.run(run())
    assert session.warnings == []
    return told


def test_a_list_of_names_is_read(start: Start, replay: Replay) -> None:
    """Whether a model is loaded is not known, nor anything else."""

    async def run(session: Session) -> tuple[Model, ...]:
        async with session:
            return (await discover(session)).models

    with replay("discovery-ollama-0.20.5"):
        [model] = asyncio.run(run(start(hosts=[f"{HOST}/v1/"])))
    assert (model.name, model.kind, model.loaded, model.parallel) == ("gemma3:4b", "chat", None, 1)


def test_a_stream_with_reasoning_and_usage_is_read(start: Start, replay: Replay) -> None:
    """`delta.reasoning` first, then the text, then a frame with the counts and without a choice."""
    with replay("chat-stream-reasoning-qwen3-2026-06"):
        told = answer(start(hosts=[HOST]), "qwen3", "Count from 1 to 3")
    assert told.error is None
    assert told.reasoning.startswith("Okay, the user wants")
    assert told.text.split() == ["1", "2", "3"]
    assert (told.finish_reason, told.usage) == ("stop", Usage(prompt_tokens=17, completion_tokens=289))


def test_an_answer_in_one_piece_is_read(start: Start, replay: Replay) -> None:
    """As from a server that does not stream."""
    with replay("chat-whole-qwen3-2026-06"):
        told = answer(start(hosts=[HOST]), "qwen3", "What's 2 + 2?")
    assert told.text.startswith("The answer to **2 + 2** is **4**.")
    assert told.text.endswith("😊")
    assert told.reasoning.startswith("Okay, let's see.")


def test_an_answer_of_a_schema_is_read(start: Start, replay: Replay) -> None:
    """The schema is sent in the form that all servers take."""
    schema = {
        "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
        "required": ["city", "country"],
        "title": "CityLocation",
        "type": "object",
    }
    with replay("chat-json-schema-qwen3-2026-04"):
        told = answer(start(hosts=[HOST]), "qwen3:0.6b", "What is the capital of France?", response_schema=schema)
    assert told.data == {"city": "Paris", "country": "France"}


@pytest.mark.parametrize(
    ("cassette", "text", "kind", "words"),
    [
        ("chat-error-401-2026-08", "Hello", "refused", "Unauthorized"),
        ("chat-error-400-context-2026-08", "Hi", "context_overflow", "prompt too long"),
    ],
)
def test_a_refusal_has_its_kind_and_the_servers_words(
    start: Start, replay: Replay, cassette: str, text: str, kind: str, words: str
) -> None:
    """What helps is said too."""
    with replay(cassette):
        told = answer(start(hosts=[HOST]), "gpt-oss:120b", text)
    assert told.error is not None
    assert told.error.kind == kind
    assert words in told.error.message
    assert told.error.hint
