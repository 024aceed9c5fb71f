"""The scripted servers load, evict and cut as the real ones do, and note what was asked of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.http import open_client
from codeconductor.testing.servers import (
    ScriptedLMStudio,
    ScriptedModel,
    ScriptedOllama,
    ScriptedOpenAI,
    held_until,
    only_first,
    silence,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor.testing.servers import Exchange, Frame

LONG = [{"role": "user", "content": "x" * 4000}]
"""1,001 tokens, as the scripted servers count."""


def cold(name: str = "m", **fields: Any) -> ScriptedModel:
    return ScriptedModel(name=name, reply="Hello", chunk=1, loaded=False, **fields)


def small(**fields: Any) -> ScriptedModel:
    return ScriptedModel(name="m", reply="Hello", loaded_context_length=100, context_length=8192, **fields)


def windows(server: Any) -> list[int]:
    return [load.context_length for load in server.loads]


@pytest.mark.parametrize("kind", [ScriptedOllama, ScriptedLMStudio, ScriptedOpenAI])
def test_a_client_that_leaves_aborts_its_load(kind: Any, wire: Any) -> None:
    """The load never ends, and its request was cancelled."""
    with kind(cold(load_seconds=3600)) as server:

        async def leave() -> None:
            async with open_client(server.host) as client:
                asking = asyncio.ensure_future(wire.send(client, *wire.question(server)))
                await asyncio.to_thread(server.wait_until, lambda: bool(server.loads))
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

        asyncio.run(leave())
        server.wait_until(lambda: len(server.cancelled(server.requests[0].path, "m")) == 1)
        assert server.loads[0].ended is None
        assert server.loaded == set()


@pytest.mark.parametrize("kind", [ScriptedOllama, ScriptedOpenAI])
def test_questions_to_a_model_that_is_loading_wait_for_that_load(kind: Any, wire: Any) -> None:
    """One load, however many ask."""
    with kind(cold(fault=held_until(3))) as server:

        async def ask() -> None:
            async with open_client(server.host) as client:
                await asyncio.gather(*(wire.send(client, *wire.question(server)) for _ in range(3)))

        asyncio.run(ask())
        assert [(load.instance, load.on_demand) for load in server.loads] == [("m", True)]


# Ollama


def test_another_window_than_the_one_in_force_loads_again(wire: Any) -> None:
    """Also the request without one, which means the model's own; never more than the model can."""
    with ScriptedOllama(small()) as server:
        for asked in (None, 4096, 4096, 1_000_000, None):
            wire.chat(server, options={} if asked is None else {"num_ctx": asked})
            running = wire.get(server, "/api/ps").json["models"]
            assert [one["context_length"] for one in running] == [min(asked or 100, 8192)]
        assert windows(server) == [4096, 8192, 100]
        assert [request.options.get("num_ctx") for request in server.asked("/api/chat")] == [
            *(None, 4096, 4096),
            *(1_000_000, None),
        ]


def test_a_load_without_a_question_takes_a_window_too(wire: Any) -> None:
    """The question that asks for the same finds it in force."""
    with ScriptedOllama(cold()) as server:
        wire.post(server, "/api/generate", model="m", options={"num_ctx": 512})
        wire.chat(server, options={"num_ctx": 512})
        assert [(load.context_length, load.on_demand) for load in server.loads] == [(512, False)]


@pytest.mark.parametrize(("overflow", "count"), [("cut", 100), ("halve", 52)])
@pytest.mark.parametrize("stream", [True, False])
def test_a_long_prompt_is_cut_in_silence(overflow: Any, count: int, stream: bool, wire: Any) -> None:
    """Status 200, and the count alone tells; one that fits is counted whole."""
    with ScriptedOllama(small(), overflow=overflow) as server:
        reply = wire.chat(server, messages=LONG, stream=stream)
        assert (reply.status, reply.objects[-1]["prompt_eval_count"]) == (200, count)
        reply = wire.chat(server, messages=LONG, stream=stream, options={"num_ctx": 2048})
        assert reply.objects[-1]["prompt_eval_count"] == 1001


def test_a_long_prompt_is_refused_where_cutting_is_not_allowed(wire: Any) -> None:
    """By the request, which an older server does not understand, or by the server."""
    with ScriptedOllama(small()) as server, ScriptedOllama(small(), version="0.12.5") as older:
        reply = wire.chat(server, messages=LONG, truncate=False)
        assert (reply.status, b"(1001 tokens) exceeds the available context size (100 " in reply.body) == (400, True)
        assert wire.chat(older, messages=LONG, truncate=False).status == 200
    with ScriptedOllama(small(), overflow="refuse") as server:
        assert wire.chat(server, messages=LONG).status == 400
        server.wait_until(lambda: server.requests[0].outcome == "answered")


def test_a_prompt_that_was_just_read_counts_less(wire: Any) -> None:
    """By what is the same at its beginning; never nothing."""
    with ScriptedOllama(cold(), caches=True) as server:
        longer = [*LONG, {"role": "user", "content": "y" * 40}]
        counts = [wire.chat(server, messages=one).objects[-1]["prompt_eval_count"] for one in (LONG, longer, LONG)]
    assert counts == [1001, 11, 1]


def test_a_further_model_throws_an_idle_one_out_and_waits_for_a_busy_one(wire: Any) -> None:
    """One fits: the second is loaded when the answer of the first has come to an end."""
    busy = cold("busy", fault=only_first(1, silence(after=10)))
    with ScriptedOllama(busy, cold("other"), max_loaded=1) as server:

        async def ask() -> None:
            async with open_client(server.host) as client:
                first = asyncio.ensure_future(wire.send(client, *wire.question(server, "busy")))
                await asyncio.to_thread(server.wait_until, lambda: server.loaded == {"busy"})
                second = asyncio.ensure_future(wire.send(client, *wire.question(server, "other")))
                await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 2)
                assert server.evicted == []
                first.cancel()
                assert (await second).text == "Hello"

        asyncio.run(ask())
        assert (server.evicted, server.loaded) == (["busy"], {"other"})
        wire.chat(server, "busy")
        assert server.evicted == ["busy", "other"]


# LM Studio


def test_loads_on_demand_know_nothing_of_each_other(wire: Any) -> None:
    """Two questions at once load a model twice; an explicit load before them, once."""
    with ScriptedLMStudio(cold(fault=held_until(2), load_seconds=0.05)) as server:

        async def ask() -> None:
            async with open_client(server.host) as client:
                await asyncio.gather(*(wire.send(client, *wire.question(server)) for _ in range(2)))

        asyncio.run(ask())
        assert [load.instance for load in server.loads] == ["m", "m:2"]
        assert (server.instances, server.most_loading) == ({"m": 2}, 2)
        instances = wire.get(server, "/api/v1/models").json["models"][0]["loaded_instances"]
        assert [instance["id"] for instance in instances] == ["m", "m:2"]
        assert wire.chat(server, "m:2").text == "Hello"
        assert wire.chat(server, "m:3").status == 404


def test_a_load_on_demand_throws_out_the_one_before_in_the_middle_of_its_answer(wire: Any) -> None:
    """What was loaded explicitly stays."""

    async def until_evicted(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in frames:
            yield frame
            await exchange.server.until(lambda: bool(exchange.server.evicted))

    with ScriptedLMStudio(cold("first", fault=until_evicted), cold("second"), cold("kept")) as server:
        wire.post(server, "/api/v1/models/load", model="kept", context_length=512)

        async def ask() -> Any:
            async with open_client(server.host) as client:
                first = asyncio.ensure_future(wire.send(client, *wire.question(server, "first")))
                await asyncio.to_thread(server.wait_until, lambda: "first" in server.loaded)
                assert (await wire.send(client, *wire.question(server, "second"))).text == "Hello"
                return await first

        first = asyncio.run(ask())
        assert (first.text, b"event: error" in first.body, b"Model unloaded." in first.body) == ("H", True, True)
        assert (server.evicted, server.loaded) == (["first"], {"second", "kept"})
        assert (server.loads[0].on_demand, server.loads[0].context_length) == (False, 512)


def test_a_load_on_demand_leaves_the_others_alone_without_auto_evict(wire: Any) -> None:
    """All of them stay."""
    with ScriptedLMStudio(cold("a"), cold("b"), auto_evict=False) as server:
        assert [wire.chat(server, name).text for name in ("a", "b")] == ["Hello", "Hello"]
        assert (server.loaded, server.evicted) == ({"a", "b"}, [])


@pytest.mark.parametrize(("native", "told", "at_once"), [("v1", 3, 3), ("v0", None, 1)])
def test_a_model_answers_as_many_at_once_as_its_generation_does(
    native: Any, told: int | None, at_once: int, wire: Any
) -> None:
    """Since 0.4.0 what the configuration says, before it one; the others wait."""
    holding = ScriptedModel(name="m", fault=silence(after=10))
    with ScriptedLMStudio(holding, native=native, parallel=3) as server:
        if told is not None:
            [entry] = wire.get(server, "/api/v1/models").json["models"]
            assert entry["loaded_instances"][0]["config"]["parallel"] == told

        def waited() -> bool:
            return len(server.asked("/v1/chat/completions")) == 5 and server.most_answering["m"] == at_once

        async def ask() -> None:
            async with open_client(server.host) as client:
                asking = [asyncio.ensure_future(wire.send(client, *wire.question(server))) for _ in range(5)]
                await asyncio.to_thread(server.wait_until, waited)
                for one in asking:
                    one.cancel()
                await asyncio.gather(*asking, return_exceptions=True)

        asyncio.run(ask())
        server.wait_until(lambda: len(server.cancelled("/v1/chat/completions")) == 5)
        assert server.most_answering == {"m": at_once}


def test_lm_studio_can_cut_a_long_prompt_in_silence(wire: Any) -> None:
    """The usage tells; unless it cuts, the prompt is refused."""
    asking: dict[str, Any] = {"messages": LONG, "stream_options": {"include_usage": True}}
    with ScriptedLMStudio(small(), cuts=True) as server:
        assert wire.chat(server, **asking).objects[-1]["usage"]["prompt_tokens"] == 100
    with ScriptedLMStudio(small()) as server:
        assert b"Input does not fit in context length." in wire.chat(server, **asking).body
        whole = wire.chat(server, messages=LONG, stream=False)
        assert (whole.status, whole.json["error"]["n_ctx"]) == (400, 100)
        wire.post(server, "/api/v1/models/unload", instance_id="m")
        wire.post(server, "/api/v1/models/load", model="m", context_length=4096)
        assert wire.chat(server, messages=LONG).text == "Hello"
    with ScriptedLMStudio(small(), native="v0") as server:
        older = wire.chat(server, messages=LONG)
        assert (older.status, "Trying to keep the first 1001 tokens" in older.json["error"]) == (400, True)


# The generic server


def test_a_generic_server_refuses_what_does_not_fit(wire: Any) -> None:
    """In the form of its flavour."""
    with ScriptedOpenAI(small(), flavour="llama.cpp") as server:
        refusal = wire.chat(server, messages=LONG).json["error"]
        assert (refusal["type"], refusal["n_prompt_tokens"]) == ("exceed_context_size_error", 1001)


def test_llama_cpp_refuses_while_its_model_loads(wire: Any) -> None:
    """503 everywhere but in the list, until the load that the first look began is over."""
    with ScriptedOpenAI(cold(), flavour="llama.cpp") as server:
        assert wire.get(server, "/v1/models").status == 200
        assert server.loads == []
        assert wire.get(server, "/health").status == 503
        server.wait_until(lambda: server.loaded == {"m"})
        assert [wire.get(server, path).status for path in ("/health", "/props")] == [200, 200]
        assert wire.chat(server).text == "Hello"
        assert [(load.instance, load.on_demand) for load in server.loads] == [("m", False)]
