"""Replies that real servers gave are read as they are meant; see `cassettes/PROVENANCE.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Chunk, Model, ProviderError, Query, Session, discover
from codeconductor.testing import a_query

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Start = Callable[..., Session]
    Replay = Callable[[str], AbstractContextManager[object]]

pytestmark = pytest.mark.anyio

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "hobbies": {"type": "array", "items": {"type": "string"}}},
    "required": ["name", "hobbies"],
}


def tool(name: str, argument: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def a_model(name: str, **facts: Any) -> Model:
    return Model(**{"provider": "ollama", "name": name, "host": "http://127.0.0.1:11434", "plugin": "ollama"} | facts)


async def answer(session: Session, model: Model, query: Query) -> list[Chunk]:
    return [chunk async for chunk in session.plugins.query_model(session, model, query)]


def text_of(chunks: list[Chunk]) -> str:
    return "".join(chunk.text for chunk in chunks)


async def test_sixteen_models_of_a_server_of_2025_are_listed_with_what_it_tells(start: Start, replay: Replay) -> None:
    """Its list has no capabilities, so each model is asked about; one that tells nothing is listed all the same."""
    async with start() as session:
        with replay("discovery-0.11-2025-08"):
            found = await discover(session)
    assert found.problems == ()
    models = {model.name: model for model in found.models}
    assert len(models) == 16
    assert models["qwen3:8b"] == Model(
        provider="ollama",
        name="qwen3:8b",
        host="http://127.0.0.1:11434",
        server="Ollama 0.11.6",
        loaded=False,
        loads_apart=True,
        context_length=40960,
        max_context_length=40960,
        size=5225388164,
        parameters=8_200_000_000,
        quantization="Q4_K_M",
        capabilities={"completion", "tools", "thinking"},
        digest="500a1f067a9f782620b40bee6f7b0c89e17ae61f686b92c24933e4ca4b2b8b41",
        parallel=16,
        slots=1,
    )
    assert models["qwen2.5vl:7b"].context_length == 128000  # its architecture is not named as its family
    assert models["qwen2.5vl:7b"].capabilities == {"completion", "vision"}
    assert models["dolphin3:8b"].capabilities == {"completion"}
    assert models["mistral:7b"].capabilities == frozenset()
    assert models["mistral:7b"].context_length is None
    assert {model.kind for model in found.models} == {"chat"}


async def test_what_is_in_memory_is_told_with_its_window_and_its_size(start: Start, replay: Replay) -> None:
    """`/api/ps` names two models; one of them was removed from the list meanwhile."""
    async with start() as session:
        with replay("discovery-0.11-2025-08"):
            found = await discover(session)
    loaded = [model for model in found.models if model.loaded]
    assert [model.name for model in loaded] == ["granite3.3:2b"]
    assert loaded[0].context_length == 4096
    assert loaded[0].memory == 2629206853
    assert loaded[0].size == 1545321637


async def test_a_cloud_model_is_remote_and_a_missing_list_of_loaded_models_is_no_problem(
    start: Start, replay: Replay
) -> None:
    """The hosted service refuses `/api/ps`: nothing is known of what is in memory, and all is listed."""
    async with start() as session:
        with replay("discovery-cloud-model-2026-02"):
            found = await discover(session)
    assert found.problems == ()
    assert [(model.name, model.remote, model.loaded) for model in found.models] == [
        ("deepseek-v3.1:671b-cloud", True, None),
        ("qwen2.5:7b", False, None),
    ]
    assert found.models[0].parameters == 671_000_000_000


async def test_a_stream_is_joined_to_the_answer_that_the_model_gave(start: Start, replay: Replay) -> None:
    """Pieces in order, then the end with its reason and its counts."""
    async with start() as session:
        with replay("chat-llama3-0.1-2024-05"):
            chunks = await answer(session, a_model("llama3"), a_query("Tell me a joke about OpenTelemetry"))
    assert text_of(chunks).endswith("a smile to your face!)")
    assert all(not chunk.reasoning for chunk in chunks)
    assert chunks[-1].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (17, 50)


async def test_thoughts_are_kept_apart_and_sampling_goes_into_the_options(start: Start, replay: Replay) -> None:
    """The cassette answers only a request whose options are where the server looks for them."""
    query = a_query("Test prompt", seed=7, temperature=0.2, max_tokens=512, stop=["END"])
    async with start() as session:
        with replay("chat-thinking-gpt-oss-0.11-2025-08"):
            chunks = await answer(session, a_model("gpt-oss"), query)
    thought = "".join(chunk.reasoning for chunk in chunks)
    assert thought.startswith('The user says "Test')
    assert text_of(chunks).endswith("anything specific you need.")
    assert "The user" not in text_of(chunks)


async def test_calls_of_tools_are_given_with_their_arguments_as_json(start: Start, replay: Replay) -> None:
    """Two calls in two lines; the server sends the arguments as objects."""
    query = a_query(
        "What time is the Detroit Tigers game today, and what is the weather?",
        tools=[tool("weather", "city"), tool("search", "query")],
    )
    async with start() as session:
        with replay("chat-tools-qwen3-14b-0.9-2025-06"):
            chunks = await answer(session, a_model("qwen3:14b"), query)
    assert [(call.name, call.arguments) for chunk in chunks for call in chunk.tool_calls] == [
        ("weather", '{"city": "Detroit"}'),
        ("search", '{"query": "Detroit Tigers game time today"}'),
    ]
    assert text_of(chunks) == ""


async def test_an_answer_under_a_schema_is_given_as_the_server_sent_it(start: Start, replay: Replay) -> None:
    """The schema is the request's `format`; blanks after the JSON are the reader's business."""
    async with start() as session:
        with replay("chat-format-deepseek-r1-0.5-2025-02"):
            model = a_model("deepseek-r1:14b-qwen-distill-q8_0")
            chunks = await answer(session, model, a_query("Who is Sarah?", response_schema=SCHEMA))
    assert text_of(chunks).strip().endswith('"Laravel Workflow Manager"] }')


async def test_a_complete_answer_without_text_is_no_fault_of_the_provider(start: Start, replay: Replay) -> None:
    """gpt-oss under a schema said nothing and `stop`; core calls that answer empty."""
    words = "Ollama is 22 years old and busy saving the world. Return a JSON object with the age and availability."
    async with start() as session:
        with replay("chat-empty-gpt-oss-0.12-2025-10"):
            chunks = await answer(session, a_model("gpt-oss:20b"), a_query(words, response_schema=SCHEMA))
    assert text_of(chunks) == ""
    assert chunks[-1].finish_reason == "stop"


async def test_a_reply_in_one_piece_is_an_answer_too(start: Start, replay: Replay) -> None:
    """A server or a proxy that does not stream sends the last line alone."""
    async with start() as session:
        with replay("chat-cold-load-qwen2.5-14b-0.11-2025-08"):
            chunks = await answer(session, a_model("qwen2.5:14b"), a_query("Hello"))
    assert text_of(chunks).startswith("Sure! How can I assist you today?")


async def test_a_finished_load_is_told_by_an_empty_chunk(start: Start, replay: Replay) -> None:
    """The model is loaded by a request of its own, before the question is sent."""
    async with start() as session:
        with replay("load-2025-09"):
            stream = session.plugins.query_model(session, a_model("qwen3:30b", loaded=False), a_query("Hello"))
            assert await anext(stream) == Chunk()


@pytest.mark.parametrize(
    ("cassette", "model", "kind", "words", "hint"),
    [
        ("chat-error-404", a_model("nonexistent-model-xyz"), "refused", "not found", "ollama pull nonexistent-model"),
        ("chat-error-500-cuda-0.32-2026-08", a_model("qwen2.5:14b"), "server", "out of memory", "smaller model"),
        ("chat-error-502-cloud-2025-08", a_model("gpt-oss:120b-cloud"), "server", "upstream error", "server's log"),
        ("load-error-500-memory-2026", a_model("llama3:70b", loaded=False), "server", "9.6 GiB", "ollama stop"),
        ("load-error-503-busy-2026-06", a_model("gpt-oss:20b", loaded=False), "overloaded", "busy", "at once"),
    ],
)
async def test_a_failure_has_its_kind_the_servers_words_and_what_to_do(
    start: Start, replay: Replay, cassette: str, model: Model, kind: str, words: str, hint: str
) -> None:
    """Bodies of real failures, of the question and of the load before it."""
    async with start() as session:
        with replay(cassette), pytest.raises(ProviderError) as caught:
            await answer(session, model, a_query("Hello"))
    assert caught.value.kind == kind
    assert words in caught.value.message
    assert caught.value.hint is not None
    assert hint in caught.value.hint
