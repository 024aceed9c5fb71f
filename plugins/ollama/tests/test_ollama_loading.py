"""Loads and evictions: what is asked when, and what becomes of a model that has left memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import Answer, Session, discover
from codeconductor.dispatch import Limits, dispatch
from codeconductor.testing import a_query
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama, only_first, silence, status
from codeconductor_ollama import chat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from codeconductor import Model
    from codeconductor.testing.servers import Exchange, Fault, Frame

    Start = Callable[..., Session]

pytestmark = pytest.mark.anyio


def held_until(condition: Callable[[ScriptedOllama], bool]) -> Fault:
    """Nothing is sent before the server has seen what the condition wants."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        server: Any = exchange.server
        await server.until(lambda: condition(server))
        async for frame in frames:
            yield frame

    return fault


def fails_later() -> Fault:
    """The first request is answered, every later one fails."""
    fine: list[bool] = []
    failure = status(500, {"error": "busy"})

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in failure(exchange, frames) if fine else frames:
            yield frame
        fine.append(True)

    return fault


async def ask(session: Session, models: list[Model], **arguments: Any) -> list[Answer]:
    async with dispatch(session, models, a_query("Say hello."), **arguments) as arrivals:
        return [answer async for answer in arrivals]


async def test_a_cold_model_answers_while_the_next_one_loads(start: Start) -> None:
    """One load at a time, and all models of a host at once: here nobody answers before the last load has begun.

    Nor before the question to the model whose load is done has come: the two are sent at the same time.
    """
    last_is_loading = held_until(
        lambda server: bool(server.asked("/api/generate", "c:1b")) and bool(server.asked("/api/chat", "b:1b"))
    )
    cold = [ScriptedModel(name=name, loaded=False) for name in ("b:1b", "c:1b")]
    with ScriptedOllama("a:1b", *cold, faults={"/api/chat": last_is_loading}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            answers = await ask(session, list((await discover(session)).models))
        assert ollama.most_loading == 1
        assert [(load.model, load.on_demand) for load in ollama.loads] == [("b:1b", False), ("c:1b", False)]
        assert ollama.most_at_once("/api/chat") >= 2
    assert [answer.error for answer in answers] == [None, None, None]


async def test_samples_of_one_model_follow_each_other(start: Start) -> None:
    """A server answers one request a model, unless it is told otherwise; the others would wait inside of it."""
    with ScriptedOllama(ScriptedModel(name="a:1b", loaded=False), "b:1b") as ollama:
        async with start(hosts=[ollama.host]) as session:
            models = [model for model in (await discover(session)).models if model.name == "a:1b"]
            answers = await ask(session, models, samples=4)
        assert ollama.most_at_once("/api/chat") == 1
        assert len(ollama.asked("/api/generate")) == 1
    assert [answer.error for answer in answers] == 4 * [None]


async def test_a_model_that_was_evicted_meanwhile_is_loaded_apart_and_asked_again(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its question waits for room without a word; the load that it needs has a limit of time of its own."""
    monkeypatch.setattr(chat, "SILENT", 0.01)
    waits = held_until(lambda server: bool(server.asked("/api/generate")))
    with ScriptedOllama("a:1b", faults={"/api/chat": waits}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            models = list((await discover(session)).models)
            ollama.evict("a:1b")
            (answer,) = await ask(session, models)
        ollama.wait_until(
            lambda: [request.outcome for request in ollama.asked("/api/chat")] == ["cancelled", "answered"]
        )
        assert [load.on_demand for load in ollama.loads] == [False]
    assert answer.error is None
    assert answer.load_seconds is not None


async def test_a_model_that_is_silent_in_memory_is_waited_for(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long prompt takes its time; the server is asked about it, and then left alone."""
    monkeypatch.setattr(chat, "SILENT", 0.01)
    monkeypatch.setattr(chat, "BETWEEN_LOOKS", 0.01)
    waits = held_until(lambda server: len(server.asked("/api/ps")) == 3)
    with ScriptedOllama("a:1b", faults={"/api/chat": waits}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (answer,) = await ask(session, list((await discover(session)).models))
        assert ollama.asked("/api/generate") == []
        assert len(ollama.asked("/api/ps")) == 3
    assert answer.error is None


async def test_a_model_that_is_loading_again_is_loaded_apart(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the list while it loads; only the time at which it expires tells, as that moves with every look."""
    monkeypatch.setattr(chat, "SILENT", 0.01)
    monkeypatch.setattr(chat, "BETWEEN_LOOKS", 0.01)

    async def moving(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        look = len(exchange.server.asked("/api/ps"))
        async for frame in frames:
            yield attrs.evolve(
                frame, data=frame.data.replace(b"2318-01-01T00:00:00Z", b"2318-01-01T00:00:%02dZ" % look)
            )

    waits = held_until(lambda server: bool(server.asked("/api/generate")))
    with ScriptedOllama("a:1b", faults={"/api/chat": waits, "/api/ps": moving}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (answer,) = await ask(session, list((await discover(session)).models))
        ollama.wait_until(
            lambda: [request.outcome for request in ollama.asked("/api/chat")] == ["cancelled", "answered"]
        )
    assert answer.error is None
    assert answer.load_seconds is not None


async def test_a_look_that_fails_costs_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is waited for as before."""
    monkeypatch.setattr(chat, "SILENT", 0.01)
    looked = held_until(lambda server: [bool(look.ended) for look in server.asked("/api/ps")] == [True, True])
    with ScriptedOllama("a:1b", faults={"/api/chat": looked, "/api/ps": fails_later()}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (answer,) = await ask(session, list((await discover(session)).models))
    assert answer.error is None


async def test_no_look_is_needed_where_the_answer_begins_in_time(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Discovery's look is the only one."""
    monkeypatch.setattr(chat, "SILENT", 3600.0)
    with ScriptedOllama("a:1b") as ollama:
        async with start(hosts=[ollama.host]) as session:
            await ask(session, list((await discover(session)).models))
        assert [request.path for request in ollama.requests if request.path == "/api/ps"] == ["/api/ps"]


@pytest.mark.parametrize(("duration", "warned"), [(12_000_000_000, True), (90_000_000, False), (None, False)])
async def test_a_load_within_the_time_to_answer_is_told(start: Start, duration: int | None, warned: bool) -> None:
    """The answer came, and came late: only the server's durations say why."""
    line = {"message": {"content": "Hi."}, "done": True, "load_duration": duration}
    with ScriptedOllama("a:1b", faults={"/api/chat": status(200, line)}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (answer,) = await ask(session, list((await discover(session)).models))
            told = [warning for warning in session.warnings if "loaded once more" in warning]
    assert answer.error is None
    assert len(told) == warned
    assert all("ollama/a:1b" in warning for warning in told)


async def test_a_load_that_the_server_has_no_room_for_yet_is_tried_again(start: Start) -> None:
    """A full queue is an overload, of a load as of a question."""
    busy = status(503, {"error": "server busy, please try again.  maximum pending requests exceeded"})
    with ScriptedOllama(
        ScriptedModel(name="a:1b", loaded=False), faults={"/api/generate": only_first(1, busy)}
    ) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (answer,) = await ask(session, list((await discover(session)).models))
        assert len(ollama.asked("/api/generate")) == 2
    assert answer.error is None


@pytest.mark.parametrize(
    "unknown", [status(404, "404 page not found"), status(405, "not allowed"), status(501, {"error": "not here"})]
)
async def test_a_server_without_a_request_to_load_is_asked_at_once(start: Start, unknown: Fault) -> None:
    """As an imitation of Ollama, or a proxy that lets questions alone through: the question loads, in a load's time."""
    cold = ScriptedModel(name="a:1b", reply="Hello.", loaded=False)
    hangs = ScriptedModel(name="b:1b", loaded=False, fault=silence())
    with ScriptedOllama(cold, hangs, faults={"/api/generate": unknown}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            first, second = (await discover(session)).models
            [answered] = await ask(session, [first], limits=Limits(timeout=60, load_timeout=60))
            [hung] = await ask(session, [second], limits=Limits(timeout=60, load_timeout=0.1))
        assert [load.on_demand for load in ollama.loads] == [True]
    assert (answered.error, answered.text) == (None, "Hello.")
    assert hung.error is not None
    assert (hung.error.kind, hung.error.message) == ("timeout", "not loaded within 0.1 s")


async def test_a_model_that_is_not_installed_when_it_is_to_be_loaded_is_refused(start: Start) -> None:
    """A 404 about the model is none about the path."""
    with ScriptedOllama(ScriptedModel(name="a:1b", loaded=False)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            models = list((await discover(session)).models)
            ollama.models.pop("a:1b")
            [answer] = await ask(session, models)
        assert ollama.asked("/api/chat") == []
    assert answer.error is not None
    assert (answer.error.kind, answer.error.hint) == ("refused", "install it with `ollama pull a:1b`")
