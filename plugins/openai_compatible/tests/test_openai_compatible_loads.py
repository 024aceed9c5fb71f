"""Servers whose model is not in memory: llama.cpp's as it starts, a router, one that sleeps; and many at once."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Answer, Chunk, discover
from codeconductor.dispatch import Limits, dispatch
from codeconductor.testing import a_query
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI, only_first, status, unloaded, with_length
from codeconductor_openai_compatible.hosts import START

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


def answers(session: Session, limits: Limits | None = None, **fields: Any) -> list[Answer]:
    async def run() -> list[Answer]:
        async with session:
            models = (await discover(session)).models
            async with dispatch(session, models, fields.pop("query", a_query()), limits=limits, **fields) as arrivals:
                return [answer async for answer in arrivals]

    return asyncio.run(run())


def test_a_server_that_is_loading_is_waited_for(start: Start) -> None:
    """As long as it says so; an empty chunk tells when it is done, and only then the question is asked."""

    async def run(session: Session) -> list[Chunk]:
        async with session:
            [model] = (await discover(session)).models
            assert (model.loaded, model.loads_apart) == (False, True)
            return [chunk async for chunk in session.plugins.query_model(session, model, a_query())]

    faults = {"/props": LOADING, "/health": only_first(2, LOADING)}
    with ScriptedOpenAI(ScriptedModel(name="a", reply="4"), flavour="llama.cpp", faults=faults) as server:
        chunks = asyncio.run(run(start(hosts=[server.host])))
        assert [request.path for request in server.requests[2:]] == [*["/health"] * 3, CHAT]
    assert chunks[0] == Chunk()
    assert "".join(chunk.text for chunk in chunks) == "4"


def test_a_load_counts_as_one(start: Start) -> None:
    """Against its own limit; what was found loading, and what is started again meanwhile."""
    with ScriptedOpenAI(
        ScriptedModel(name="a", reply="4", loaded=False, load_seconds=0.2), flavour="llama.cpp"
    ) as server:
        [answer] = answers(start(hosts=[server.host]), Limits(timeout=30, load_timeout=30))
        assert (answer.text, answer.error) == ("4", None)
        assert answer.load_seconds is not None
        assert len(server.asked(CHAT)) == 1
    restarted = ScriptedModel(name="a", reply="4", fault=only_first(1, unloaded()))
    with ScriptedOpenAI(restarted, flavour="llama.cpp") as server:
        [answer] = answers(start(hosts=[server.host]), samples=2)[:1]
    assert (answer.text, answer.error) == ("4", None)


@pytest.mark.parametrize("flavour", ["plain", "llama.cpp"])
def test_a_load_that_does_not_end_is_no_overload(start: Start, flavour: Any) -> None:
    """It has its own limit, and its own hint."""
    faults = {"/health": LOADING, "/props": LOADING}
    with ScriptedOpenAI(ScriptedModel(name="a", fault=LOADING), flavour=flavour, faults=faults) as server:
        [answer] = answers(start(hosts=[server.host]), Limits(timeout=30, load_timeout=0.05))
    assert answer.error is not None
    assert (answer.error.kind, answer.error.message) == ("timeout", "not loaded within 0.05 s")
    assert "--load-timeout" in (answer.error.hint or "")


def test_a_server_that_never_says_that_it_is_ready_is_at_fault(start: Start) -> None:
    """Its health is well, and its model still loads: nobody asks for ever."""
    with ScriptedOpenAI(ScriptedModel(name="a", fault=LOADING), flavour="llama.cpp") as server:
        [answer] = answers(start(hosts=[server.host]))
        assert len(server.asked(CHAT)) == 2
    assert answer.error is not None
    assert answer.error.kind == "server"
    assert "--load-timeout" in (answer.error.hint or "")


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

    faults = {"/props": LOADING, "/health": LOADING}
    with ScriptedOpenAI("a", flavour="llama.cpp", faults=faults) as server:
        answer = asyncio.run(run(start(hosts=[server.host])))
        assert server.asked(CHAT) == []
    assert answer.error is not None
    assert (answer.error.kind, answer.error.hint) == ("unreachable", START)


def test_a_busy_server_is_not_taken_for_one_that_loads(start: Start) -> None:
    """503 has two meanings; this one is tried again."""
    busy = only_first(1, status(503, {"error": "no slot"}))
    with ScriptedOpenAI(ScriptedModel(name="a", fault=busy), faults={"/health": LOADING}) as server:
        [answer] = answers(start(hosts=[server.host]))
        assert (len(server.asked(CHAT)), server.asked("/health")) == (2, [])
    assert answer.error is None


def test_a_router_loads_one_model_after_the_other_when_it_is_asked(start: Start) -> None:
    """It tells the state of each; none is thrown out while it still has to answer."""
    states = {"a": "unloaded", "b": "sleeping", "c": "loaded"}
    listed = {"data": [{"id": name, "owned_by": "llamacpp", "status": {"value": states[name]}} for name in states]}
    models = [ScriptedModel(name=name, reply="4", loaded=name == "c", load_seconds=0.3) for name in states]
    faults = {"/v1/models": status(200, listed), "/props": status(200, {"role": "router"})}
    with ScriptedOpenAI(*models, faults=faults) as server:
        told = answers(start(hosts=[server.host], parallel=3), Limits(timeout=20, load_timeout=20), samples=2)
        assert [answer.error for answer in told] == [None] * 6
        assert server.most_loading == 1
        assert [load.model for load in server.loads] == ["a", "b"]


def test_a_load_by_the_question_has_the_time_of_a_load(start: Start) -> None:
    """Though the model has less for its answer."""
    listed = {"data": [{"id": "a", "owned_by": "llamacpp", "status": {"value": "unloaded"}}]}
    # its answer comes in one piece with the first sign of life, as the time for it is short
    model = ScriptedModel(name="a", reply="4", loaded=False, load_seconds=1.2, fault=with_length())
    with ScriptedOpenAI(model, faults={"/v1/models": status(200, listed)}) as server:
        [answer] = answers(start(hosts=[server.host]), Limits(timeout=1, load_timeout=30))
    assert (answer.text, answer.error) == ("4", None)


def test_fifty_hosts_are_asked_at_once(start: Start) -> None:
    """Each costs only itself: those that fail, and those that answer."""
    boom = status(500, {"error": "boom"})
    with ExitStack() as stack:
        servers = [
            stack.enter_context(ScriptedOpenAI(f"m{n}", faults={CHAT: boom} if n % 10 == 0 else {})) for n in range(50)
        ]
        told = {answer.model.name: answer for answer in answers(start(hosts=[server.host for server in servers]))}
    assert len(told) == 50
    assert {name for name, answer in told.items() if answer.error} == {"m0", "m10", "m20", "m30", "m40"}
