"""Replies of real LM Studio servers, from 0.3.9 to 0.4.21, are read as what they are."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Answer, Chunk, Discovery, Message, Model, Query, ToolCall, Usage, discover
from codeconductor.dispatch import dispatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from codeconductor import Session

    Replay = Callable[[str], AbstractContextManager[object]]
    Start = Callable[..., Session]

HOST = "http://127.0.0.1:1234"


def listed(session: Session) -> Discovery:
    async def run() -> Discovery:
        async with session:
            return await discover(session)

    return asyncio.run(run())


def answer(session: Session, name: str, text: str, **fields: Any) -> Answer:
    """One answer of a model that is in memory; whoever answered is not taken for another model."""
    model = Model(provider="lmstudio", name=name, host=HOST, loaded=True, plugin="lmstudio")
    query = Query(messages=[Message("user", text)], **fields)

    async def run() -> Answer:
        async with session, dispatch(session, [model], query) as arrivals:
            return await anext(arrivals)

    told = asyncio.run(run())
    assert session.warnings == []
    return told


def test_the_native_list_of_0_4_tells_everything(start: Start, replay: Replay) -> None:
    """Loaded or not, window in force or the most, size, weights, quantization, capabilities, slots."""
    with replay("discovery-0.4-2026-03"):
        found = listed(start())
    assert found.problems == ()
    models = {model.name: model for model in found.models}
    assert {name for name, model in models.items() if model.kind == "embedding"} == {
        "text-embedding-nomic-embed-text-v1.5"
    }
    loaded = models["google/gemma-3-1b"]
    assert (loaded.loaded, loaded.context_length, loaded.slots) == (True, 4096, 4)
    assert (loaded.size, loaded.parameters, loaded.quantization) == (771933305, 10**9, "4bit")
    other = models["qwen/qwen3-4b-2507"]
    assert (other.loaded, other.context_length, other.capabilities) == (False, 262144, frozenset({"tools"}))
    assert models["google/gemma-3-4b"].capabilities == {"vision"}
    chats = [model for model in found.models if model.kind == "chat"]
    assert {model.parallel for model in chats} == {4 * len(chats)}


def test_the_older_list_of_0_3_tells_states_and_windows(start: Start, replay: Replay) -> None:
    """Two are loaded, and they answer one request at a time."""
    with replay("discovery-0.3-2025-12"):
        found = listed(start())
    models = {model.name: model for model in found.models}
    assert {name for name, model in models.items() if model.loaded} == {"openai/gpt-oss-20b", "qwen3-4b"}
    assert sum(model.kind == "embedding" for model in models.values()) == 3
    assert (models["qwen3-4b"].context_length, models["qwen3-4b"].quantization) == (4096, "Q4_K_M")
    assert models["qwen/qwen3-vl-8b"].context_length == 262144
    assert models["qwen/qwen3-vl-8b"].capabilities == {"tools", "vision"}
    assert {(model.parallel, model.slots) for model in models.values()} == {(1, None)}


def test_the_list_of_0_3_may_lack_capabilities(start: Start, replay: Replay) -> None:
    """They came with 0.3.16; one model of nine is in memory, with a window that is far from its longest."""
    with replay("discovery-0.3.1x-2025-03"):
        models = {model.name: model for model in listed(start()).models}
    assert [(model.name, model.context_length) for model in models.values() if model.loaded] == [
        ("qwen2.5-7b-instruct", 4096)
    ]
    assert models["deepseek-r1-distill-qwen-7b"].context_length == 131072
    assert {model.capabilities for model in models.values() if model.kind == "chat"} == {frozenset()}


def test_with_loading_on_demand_off_only_what_is_loaded_is_listed(start: Start, replay: Replay) -> None:
    """The list is not the whole disk."""
    with replay("discovery-0.3.17-jit-off-2025-06"):
        [model] = listed(start()).models
    assert (model.name, model.loaded, model.context_length) == ("google/gemma-3-4b", True, 12918)


def test_the_list_of_names_tells_nothing_else(start: Start, replay: Replay) -> None:
    """Whether a model is loaded is not known; embedding models are told by their prefix."""
    with replay("discovery-names-2025-11"):
        found = listed(start())
    assert {(model.name, model.kind, model.loaded) for model in found.models} == {
        ("qwen/qwen2.5-vl-7b", "chat", None),
        ("qwen/qwen3-vl-8b", "chat", None),
        ("google/gemma-3-12b", "chat", None),
        ("text-embedding-nomic-embed-text-v1.5", "embedding", None),
    }


def test_a_list_may_have_no_chat_model_at_all(start: Start, replay: Replay) -> None:
    """One embedding model comes with every LM Studio."""
    with replay("discovery-only-embedding-2026"):
        assert [model.kind for model in listed(start()).models] == ["embedding"]


def test_a_model_of_0_4_is_loaded_before_it_is_asked(start: Start, replay: Replay) -> None:
    """With a window of its own; an empty chunk says when that is done."""
    model = Model(
        provider="lmstudio", name="google/gemma-3-1b", host=HOST, loaded=False, loads_apart=True, plugin="lmstudio"
    )

    async def run(session: Session) -> Chunk:
        async with session:
            query = Query(messages=[Message("user", "Hello")])
            stream = session.plugins.query_model(session, model, query)
            first = await anext(stream)
            await stream.aclose()  # type: ignore[attr-defined]  # an async generator
            return first

    with replay("load-0.4-2026-03"):
        assert asyncio.run(run(start())) == Chunk()


def test_a_stream_of_0_3_is_read(start: Start, replay: Replay) -> None:
    """A role in every frame, the last frame without a text, no usage."""
    with replay("chat-stream-llava-0.3-2025-05"):
        told = answer(start(), "llava-v1.5-7b", "Tell a short story.")
    assert told.error is None
    assert told.text.startswith("\nOnce upon a time")
    assert (told.finish_reason, told.usage) == ("stop", Usage())


def test_tool_calls_of_a_stream_are_put_together(start: Start, replay: Replay) -> None:
    """The finish reason is `stop` all the same."""
    with replay("chat-stream-tool-call-0.3-2025-03"):
        told = answer(start(), "qwen2.5-7b-instruct", "What's the weather like in London?")
    assert told.error is None
    assert told.finish_reason == "stop"
    [call] = told.tool_calls
    assert call.name == "get_current_weather"
    assert call == ToolCall(name=call.name, arguments=call.arguments, id="633167655")
    assert call.arguments.startswith('{"location": "London')


def test_an_answer_of_a_schema_is_read(start: Start, replay: Replay) -> None:
    """Sent as `json_schema`, answered in one piece."""
    schema = {
        "type": "object",
        "properties": {
            "sentiment": {"type": "string", "enum": ["positive", "neutral", "negative"]},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
        "required": ["sentiment", "confidence"],
    }
    text = "Analyze the sentiment of this sentence: 'I love sunny days!'"
    with replay("chat-json-schema-llava-0.3-2025-05"):
        told = answer(start(), "llava-v1.5-7b", text, response_schema=schema)
    assert told.data == {"sentiment": "positive", "confidence": 0.95}
    assert told.usage == Usage(prompt_tokens=29, completion_tokens=20)


def test_reasoning_in_a_field_of_its_own_is_kept_apart(start: Start, replay: Replay) -> None:
    """gpt-oss on 0.4 has it in `reasoning`."""
    with replay("chat-reasoning-gpt-oss-0.4-2026-02"):
        told = answer(start(), "openai/gpt-oss-20b", "Write a short story about a cat, max 3 sentences.")
    assert told.text.startswith("Midnight, the alley’s quiet guard")
    assert told.reasoning.startswith("Need <=3 sentences")


def test_reasoning_in_the_text_is_kept_apart(start: Start, replay: Replay) -> None:
    """The default of 2025: a `<think>` block at the beginning of the answer."""
    with replay("chat-inline-think-0.3-2025-12"):
        told = answer(start(), "qwen3-4b", "Give me a cheerful greeting in one sentence.")
    assert told.text.startswith('"Hello! Have a day as bright')
    assert told.reasoning.startswith("Okay, the user wants a cheerful greeting")


def test_a_stream_without_its_end_is_a_failure_that_keeps_what_arrived(start: Start, replay: Replay) -> None:
    """Three frames of reasoning and nothing more."""
    with replay("chat-stream-reasoning-fragment-0.3.9-2025-01"):
        told = answer(start(), "deepseek-r1-distill-llama-8b", "Hello")
    assert told.error is not None
    assert (told.error.kind, told.reasoning, told.text) == ("protocol", "le? An", "")


@pytest.mark.parametrize(
    ("cassette", "kind", "words"),
    [
        ("chat-error-400-context-2026", "context_overflow", "exceeds the available context size"),
        ("chat-error-in-stream-0.4.21-2026-08", "context_overflow", "does not fit in context length"),
        ("chat-error-no-models-loaded-0.4.8-2026", "refused", "No models loaded"),
    ],
)
def test_a_refusal_has_its_kind_and_the_servers_words(
    start: Start, replay: Replay, cassette: str, kind: str, words: str
) -> None:
    """By status, or in a stream of status 200; where no model is loaded, it is asked twice."""
    with replay(cassette):
        told = answer(start(), "qwen3-4b", "Hello")
    assert told.error is not None
    assert told.error.kind == kind
    assert words in told.error.message
    assert told.error.hint


def test_a_token_that_the_server_repeats_is_blanked(
    start: Start, replay: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LM Studio quotes the first ten characters of what it was sent."""
    monkeypatch.setenv("LM_API_TOKEN", "XXXXXXXXXX-and-the-rest-of-it")
    with replay("chat-error-401-token-2026"):
        told = answer(start(), "qwen3-4b", "Hello")
    assert told.error is not None
    assert told.error.kind == "refused"
    assert "token provided: [key]..." in told.error.message
    assert "LM_API_TOKEN" in (told.error.hint or "")
