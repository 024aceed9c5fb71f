"""The context that a model is asked with: the server's own while that is enough, else one for the whole session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import Answer, Message, Model, Query, Session, discover, estimate_tokens
from codeconductor.dispatch import dispatch
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama, status

if TYPE_CHECKING:
    from collections.abc import Callable

    Start = Callable[..., Session]

pytestmark = pytest.mark.anyio

WORDS = "word " * 400
"""A text of 1,000 tokens by the estimate, of 500 as the scripted server counts."""


def asking(tokens: int, **fields: Any) -> Query:
    """A query of so many thousand tokens, by the estimate."""
    return Query(messages=[Message("user", WORDS * tokens)], **fields)


def a_server(*, loaded: bool = True, longest: int = 131072, window: int = 4096, **fields: Any) -> ScriptedOllama:
    model = ScriptedModel(
        name="a:1b", reply="Fine.", loaded=loaded, context_length=longest, loaded_context_length=window
    )
    return ScriptedOllama(model, **fields)


async def the_model(session: Session) -> Model:
    (model,) = (await discover(session)).models
    return model


async def ask(session: Session, model: Model, query: Query, samples: int = 1) -> list[Answer]:
    async with dispatch(session, [model], query, samples=samples) as arrivals:
        return [answer async for answer in arrivals]


def sent(ollama: ScriptedOllama, path: str) -> list[int | None]:
    """The `num_ctx` of every request of a path."""
    return [request.body.get("options", {}).get("num_ctx") for request in ollama.asked(path)]


def test_the_texts_of_these_tests_have_the_tokens_that_they_say() -> None:
    """By the estimate with which the plugin decides."""
    assert estimate_tokens(WORDS) == 1000


@pytest.mark.parametrize("loaded", [True, False])
async def test_a_prompt_that_fits_asks_for_no_context(start: Start, loaded: bool) -> None:
    """With room for an answer in 4,096 tokens, which every server since 0.6.7 has of itself."""
    with a_server(loaded=loaded) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (answer,) = await ask(session, await the_model(session), asking(2))
        assert (answer.error, answer.prompt_cut) == (None, False)
        assert sent(ollama, "/api/chat") == [None]
        assert sent(ollama, "/api/generate") == ([] if loaded else [None])


async def test_a_prompt_that_fits_the_window_in_force_does_not_load_the_model_again(start: Start) -> None:
    """However long it is."""
    with a_server(window=32768) as ollama:
        async with start(hosts=[ollama.host]) as session:
            await ask(session, await the_model(session), asking(20))
        assert sent(ollama, "/api/chat") == [None]
        assert ollama.loads == []


@pytest.mark.parametrize("loaded", [True, False])
async def test_a_long_prompt_has_the_model_loaded_once_with_the_context_of_all_its_samples(
    start: Start, loaded: bool
) -> None:
    """Loaded apart, before the first question: none of them brings another load about."""
    with a_server(loaded=loaded) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answers = await ask(session, await the_model(session), asking(5), samples=3)
        assert [(answer.error, answer.prompt_cut) for answer in answers] == 3 * [(None, False)]
        assert sent(ollama, "/api/chat") == [8192, 8192, 8192]
        assert [(load.context_length, load.on_demand) for load in ollama.loads] == [(8192, False)]
        assert len(ollama.asked("/api/ps")) == 1


@pytest.mark.parametrize(("longest", "asked_for"), [(7000, 7000), (8192, 8192), (131072, 8192)])
async def test_the_context_is_a_power_of_two_and_never_more_than_the_model_can(
    start: Start, longest: int, asked_for: int
) -> None:
    """A server would lower it without a word."""
    with a_server(longest=longest) as ollama:
        async with start(hosts=[ollama.host]) as session:
            await ask(session, await the_model(session), asking(5))
        assert sent(ollama, "/api/chat") == [asked_for]


async def test_a_model_that_can_no_more_than_it_has_is_not_loaded_again(start: Start) -> None:
    """The estimate is cautious: the prompt may fit."""
    with a_server(longest=4096) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (answer,) = await ask(session, await the_model(session), asking(5))
        assert answer.error is None
        assert sent(ollama, "/api/chat") == [None]


async def test_what_a_model_can_is_asked_for_only_where_it_matters(start: Start) -> None:
    """The list did not tell; a short prompt needs no answer to that."""
    with a_server(loaded=False, longest=7000) as ollama:
        async with start(hosts=[ollama.host]) as session:
            model = attrs.evolve(await the_model(session), context_length=None, max_context_length=None)
            await ask(session, model, asking(1))
            assert ollama.asked("/api/show") == []
            await ask(session, model, asking(5))
        assert len(ollama.asked("/api/show")) == 1
        assert sent(ollama, "/api/chat") == [None, 7000]


async def test_a_server_that_cannot_tell_what_the_model_can_is_asked_for_what_is_needed(start: Start) -> None:
    """It lowers what is too much."""
    with a_server(loaded=False, faults={"/api/show": status(500)}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            model = attrs.evolve(await the_model(session), context_length=None, max_context_length=None)
            await ask(session, model, asking(5))
        assert sent(ollama, "/api/chat") == [8192]


async def test_an_old_server_has_2048_tokens_of_itself(start: Start) -> None:
    """Before 0.6.7; a server before 0.6.4 is known by the capabilities that it does not tell."""
    with a_server(loaded=False, window=2048, version="0.6.0") as ollama:
        async with start(hosts=[ollama.host]) as session:
            await ask(session, await the_model(session), asking(1))
        assert sent(ollama, "/api/chat") == [4096]


async def test_a_longer_question_raises_the_context_and_a_shorter_one_keeps_it(start: Start) -> None:
    """Leaving it out would load the model again, as another value does."""
    with a_server(loaded=False) as ollama:
        async with start(hosts=[ollama.host]) as session:
            model = await the_model(session)
            for tokens in (5, 1, 12, 5):
                await ask(session, model, asking(tokens))
        assert sent(ollama, "/api/chat") == sent(ollama, "/api/generate") == [8192, 8192, 16384, 16384]
        assert [load.context_length for load in ollama.loads] == [8192, 16384]


async def test_what_a_load_gave_is_looked_at_before_another_is_asked_for(start: Start) -> None:
    """A server with much memory takes more than 4,096 of itself, which only shows once the model is loaded."""
    with a_server(loaded=False, window=32768) as ollama:
        async with start(hosts=[ollama.host]) as session:
            model = await the_model(session)
            for tokens in (1, 12):
                await ask(session, model, asking(tokens))
        assert sent(ollama, "/api/chat") == [None, None]
        assert len(ollama.loads) == 1


async def test_tools_count_for_the_prompt_and_a_short_answer_leaves_more_room_for_it(start: Start) -> None:
    """They are written into it by the server."""
    tool = {"type": "function", "function": {"name": "search", "description": WORDS}}
    for query, asked_for in (
        (asking(2, tools=[tool]), 8192),
        (asking(3, max_tokens=100), None),
        (asking(3, max_tokens=100_000), 8192),
    ):
        with a_server() as ollama:
            async with start(hosts=[ollama.host]) as session:
                await ask(session, await the_model(session), query)
            assert sent(ollama, "/api/chat") == [asked_for]


async def test_a_cloud_model_is_sent_no_context(start: Start) -> None:
    """Its own is in force, and there is nothing to load."""
    with ScriptedOllama(ScriptedModel(name="a:1b-cloud", remote=True), version="0.29.0") as ollama:
        async with start(hosts=[ollama.host]) as session:
            await ask(session, await the_model(session), asking(20))
        assert sent(ollama, "/api/chat") == [None]
        assert ollama.asked("/api/generate") == []


async def test_a_prompt_that_can_never_fit_is_not_sent(start: Start) -> None:
    """Both numbers are told."""
    with a_server(longest=8192) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (answer,) = await ask(session, await the_model(session), asking(20))
        assert answer.error is not None
        assert answer.error.kind == "context_overflow"
        assert "10000" in answer.error.message
        assert "8192" in answer.error.message
        assert ollama.asked("/api/chat") == []


@pytest.mark.parametrize("overflow", ["cut", "halve"])
async def test_a_prompt_that_the_server_cut_is_proven_by_the_window_in_force(start: Start, overflow: Any) -> None:
    """Another program had asked for a longer context; without that wish the server loads the model with its own."""
    with a_server(overflow=overflow) as ollama:
        ollama.windows["a:1b"] = 32768
        async with start(hosts=[ollama.host]) as session:
            (answer,) = await ask(session, await the_model(session), asking(20))
            assert "did not read the whole prompt" in "".join(session.warnings)
        assert (answer.error, answer.prompt_cut) == (None, True)
        assert answer.usage.context_length == 4096


async def test_a_prompt_that_was_cached_was_not_cut(start: Start) -> None:
    """The server counts fewer tokens than were sent, and has a window for all of them."""
    with a_server(window=32768, caches=True) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answers = await ask(session, await the_model(session), asking(5), samples=2)
            assert session.warnings == []
        assert [answer.prompt_cut for answer in answers] == [False, False]
        counts = sorted(answer.usage.prompt_tokens or 0 for answer in answers)
        assert counts[0] < 100 < counts[1]
        assert len(ollama.asked("/api/ps")) == 2


async def test_a_count_that_nobody_can_explain_proves_nothing(start: Start) -> None:
    """Servers before 0.10 do not tell the window in force."""
    with a_server(window=32768, caches=True, version="0.9.0") as ollama:
        async with start(hosts=[ollama.host]) as session:
            answers = await ask(session, await the_model(session), asking(1), samples=2)
        assert sorted(answer.prompt_cut is None for answer in answers) == [False, True]
