"""Asking a model of an OpenAI-compatible server, also one that is still loading it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from codeconductor import Answer, Chunk, discover
from codeconductor.dispatch import dispatch
from codeconductor.testing import a_query
from codeconductor.testing.servers import Said, ScriptedModel, ScriptedOpenAI, error_frame, only_first, status

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Session

    Start = Callable[..., Session]

CHAT = "/v1/chat/completions"
LOADING = status(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look again at once whether a server has loaded its model."""
    monkeypatch.setattr("codeconductor_openai_compatible.loading._POLL", 0.0)


def answers(session: Session) -> list[Answer]:
    async def run() -> list[Answer]:
        async with session:
            models = (await discover(session)).models
            async with dispatch(session, models, a_query()) as arrivals:
                return [answer async for answer in arrivals]

    return asyncio.run(run())


def test_a_model_is_asked_by_the_servers_own_id(start: Start) -> None:
    """Though it is shown by its base name."""
    path = "/srv/models/acme.gguf"
    with ScriptedOpenAI(ScriptedModel(name=path, reply=Said(text="4", reasoning="hm")), "b") as server:
        told = {answer.model.id: answer for answer in answers(start(hosts=[server.host]))}
        assert len(server.asked(CHAT, path)) == 1
    answer = told["openai_compatible/acme.gguf"]
    assert (answer.text, answer.reasoning, answer.error) == ("4", "hm", None)


def test_a_server_that_is_loading_is_waited_for(start: Start) -> None:
    """As long as it says so; an empty chunk tells when it is done, and then the question is asked again."""

    async def run(session: Session) -> list[Chunk]:
        async with session:
            [model] = (await discover(session)).models
            assert model.loaded is False
            return [chunk async for chunk in session.plugins.query_model(session, model, a_query())]

    faults = {"/props": LOADING, "/health": only_first(2, LOADING)}
    model = ScriptedModel(name="a", reply="4", fault=only_first(1, LOADING))
    with ScriptedOpenAI(model, flavour="llama.cpp", faults=faults) as server:
        chunks = asyncio.run(run(start(hosts=[server.host])))
        assert [request.path for request in server.requests[2:]] == [CHAT, *["/health"] * 3, CHAT]
    assert chunks[0] == Chunk()
    assert "".join(chunk.text for chunk in chunks) == "4"


def test_a_server_that_dies_while_it_loads_is_unreachable(start: Start) -> None:
    """Nobody waits for it any longer."""

    async def run(session: Session) -> Answer:
        async with session:
            [model] = (await discover(session)).models
            async with dispatch(session, [model], a_query()) as arrivals:
                waiting = asyncio.ensure_future(anext(arrivals))
                await asyncio.to_thread(server.wait_until, lambda: bool(server.asked("/health")))
                await asyncio.to_thread(server.refuse)
                return await waiting

    model = ScriptedModel(name="a", fault=LOADING)
    with ScriptedOpenAI(model, flavour="llama.cpp", faults={"/health": LOADING}) as server:
        answer = asyncio.run(run(start(hosts=[server.host])))
    assert answer.error is not None
    assert answer.error.kind in {"unreachable", "protocol"}


def test_a_busy_server_is_not_taken_for_one_that_loads(start: Start) -> None:
    """503 has two meanings."""
    with ScriptedOpenAI(ScriptedModel(name="a", fault=status(503, {"error": "no slot"}))) as server:
        [answer] = answers(start(hosts=[server.host]))
        assert len(server.asked(CHAT)) == 1
    assert answer.error is not None
    assert answer.error.kind == "overloaded"


def test_what_arrived_before_an_error_is_kept(start: Start) -> None:
    """An error frame under status 200; nothing is asked a second time."""
    model = ScriptedModel(name="a", reply="abcdef", chunk=1, fault=error_frame(after=2, message="Loading model failed"))
    with ScriptedOpenAI(model) as server:
        [answer] = answers(start(hosts=[server.host]))
        assert len(server.asked(CHAT)) == 1
    assert answer.error is not None
    assert (answer.text, answer.error.kind) == ("ab", "server")


def test_a_server_that_refuses_unknown_fields_is_asked_without_them(start: Start) -> None:
    """It costs one more request, and the counts of tokens."""
    with ScriptedOpenAI(ScriptedModel(name="a", reply="4"), refuses=("stream_options",)) as server:
        [answer] = answers(start(hosts=[server.host]))
        assert len(server.asked(CHAT)) == 2
    assert (answer.text, answer.error, answer.usage.prompt_tokens) == ("4", None, None)


def test_embedding_models_are_not_asked(start: Start) -> None:
    """They are listed, and chosen by nobody."""
    from codeconductor.discovery import choose

    async def run(session: Session) -> list[str]:
        async with session:
            return [model.name for model in choose((await discover(session)).models)]

    with ScriptedOpenAI("a", "nomic-embed-text") as server:
        assert asyncio.run(run(start(hosts=[server.host]))) == ["a"]
