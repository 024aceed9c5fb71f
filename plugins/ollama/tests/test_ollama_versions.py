"""Which versions' real replies are replayed, and the forms that a reply had in one of them alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Chunk, Model, ProviderError, Query, Session
from codeconductor.testing import a_query

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    Start = Callable[..., Session]
    Replay = Callable[[str], AbstractContextManager[object]]

HERE = Path(__file__).parent


def tool(name: str, argument: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {argument: {"type": "string"}}, "required": [argument]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


async def answer(session: Session, name: str, query: Query) -> list[Chunk]:
    model = Model(provider="ollama", name=name, host="http://127.0.0.1:11434", plugin="ollama")
    return [chunk async for chunk in session.plugins.query_model(session, model, query)]


def test_replies_of_these_versions_are_replayed() -> None:
    """From 0.1 to 0.32: a recording's name has its version, and the README says the same.

    What later versions add is ignored, as another test shows.
    """
    names = [path.stem for path in (HERE / "cassettes").glob("*.yaml")]
    versions = {match[1] for name in names if (match := re.search(r"-(0\.\d+)-20\d\d-\d\d$", name))}
    readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
    covered = re.search(r"Replies of real servers are replayed in its tests: versions ([\d., and]+)\.\n", readme)
    assert covered is not None
    assert set(re.findall(r"\d+\.\d+", covered[1])) == versions


def test_the_source_of_every_recording_is_told() -> None:
    """And nothing is told of one that is no more."""
    table = (HERE / "cassettes" / "PROVENANCE.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([\w.-]+)` \|", table, re.MULTILINE)
    assert sorted(told) == sorted(path.stem for path in (HERE / "cassettes").glob("*.yaml"))


@pytest.mark.anyio
async def test_thoughts_beside_an_answer_in_one_piece_are_kept_apart(start: Start, replay: Replay) -> None:
    """The last object has both."""
    async with start() as session:
        with replay("chat-whole-thinking-gpt-oss-0.11-2025-08"):
            (chunk,) = await answer(session, "gpt-oss", a_query("Test prompt"))
    assert chunk.text == "Got it! How can I help you with your test?"
    assert chunk.reasoning.startswith("User just says")
    assert (chunk.finish_reason, chunk.model) == ("stop", "gpt-oss")


@pytest.mark.anyio
async def test_several_calls_in_one_piece_are_all_given(start: Start, replay: Replay) -> None:
    """In the order in which the model made them."""
    query = a_query(
        "What time is the Detroit Tigers game today, and what is the weather?",
        tools=[tool("weather", "city"), tool("search", "query")],
    )
    async with start() as session:
        with replay("chat-whole-tools-qwen2.5-14b-0.9-2025-06"):
            (chunk,) = await answer(session, "qwen2.5:14b", query)
    assert [call.name for call in chunk.tool_calls] == ["search", "weather"]
    assert chunk.tool_calls[1].arguments == '{"city": "Detroit"}'


@pytest.mark.anyio
async def test_an_answer_of_2024_has_its_counts(start: Start, replay: Replay) -> None:
    """Its object has the durations and counts that it has today."""
    async with start() as session:
        with replay("chat-after-tool-llama3.1-0.3-2024-09"):
            (chunk,) = await answer(session, "llama3.1", a_query("What is the current weather?"))
    assert chunk.usage is not None
    assert (chunk.usage.prompt_tokens, chunk.usage.completion_tokens) == (44, 113)


@pytest.mark.anyio
async def test_a_model_that_cannot_think_is_never_told_to(start: Start, replay: Replay) -> None:
    """That is refused like this; the request of this recording is ours, and has no `think`."""
    async with start() as session:
        with replay("chat-error-400-thinking-2026"), pytest.raises(ProviderError) as caught:
            await answer(session, "qwen2.5:7b", a_query("Hello"))
    assert (caught.value.kind, caught.value.status) == ("refused", 400)
    assert '"qwen2.5:7b" does not support thinking' in caught.value.message
