"""Scripted servers refuse as the real ones do: busy, redirecting, with a prompt too long, or without the model."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import (
    ScriptedLMStudio,
    ScriptedModel,
    ScriptedOllama,
    ScriptedOpenAI,
    failed,
    only_first,
    overflowed,
    overloaded,
    redirected,
    removed,
    status,
    unloaded,
)

if TYPE_CHECKING:
    from codeconductor.testing.servers import Fault

LISTS = {ScriptedOllama: "/api/tags", ScriptedLMStudio: "/api/v1/models", ScriptedOpenAI: "/v1/models"}
KINDS = pytest.mark.parametrize("kind", list(LISTS), ids=lambda kind: kind.__name__)


def model(fault: Fault | None = None, name: str = "m", loaded: bool = True) -> ScriptedModel:
    return ScriptedModel(name=name, reply="Grüße, 世界!", chunk=3, loaded=loaded, fault=fault)


# Refusals


@KINDS
@pytest.mark.parametrize("code", [400, 404, 429, 499, 500, 503])
def test_a_refusal_has_the_servers_own_form(kind: Any, code: int, wire: Any) -> None:
    """Ollama's error is a text, that of the others an object."""
    with kind(model(failed(code, "no such luck"))) as server:
        reply = wire.chat(server)
    assert (reply.status, reply.headers["content-type"]) == (code, "application/json")
    assert (reply.json["error"] if kind is ScriptedOllama else reply.json["error"]["message"]) == "no such luck"


@KINDS
def test_a_busy_server_says_when_to_come_again(kind: Any, wire: Any) -> None:
    """Not at all, in seconds, or as a date that is never too early."""
    faults = {"none": overloaded(), "seconds": overloaded(429, 7), "date": overloaded(503, 7, as_date=True)}
    with kind(*(model(fault, name=name) for name, fault in faults.items())) as server:
        before = datetime.now(UTC)
        none, seconds, date = (wire.chat(server, name) for name in faults)
        after = datetime.now(UTC)
    assert [reply.status for reply in (none, seconds, date)] == [503, 429, 503]
    assert "retry-after" not in none.headers
    assert seconds.headers["retry-after"] == "7"
    then = parsedate_to_datetime(date.headers["retry-after"])
    assert before + timedelta(seconds=7) <= then <= after + timedelta(seconds=8)
    assert kind.busy in none.body.decode()


@KINDS
def test_a_redirect_names_the_same_path_of_another_host(kind: Any, wire: Any) -> None:
    """Whether it is followed can be seen on the other host."""
    with kind(model()) as other, kind(model(redirected(f"{other.host}/"))) as server:
        reply = wire.chat(server)
        assert (reply.status, reply.headers["location"]) == (307, other.host + server.requests[0].path)
        assert other.requests == []


def test_a_status_takes_headers(wire: Any) -> None:
    """As many as are given, beside or in the place of the server's own."""
    fault = status(429, headers={"retry-after": "1", "x-powered-by": "Hope"})
    with ScriptedLMStudio(model(fault)) as server:
        reply = wire.chat(server)
    assert (reply.headers["retry-after"], reply.headers["x-powered-by"], reply.body) == ("1", "Hope", b"")


OVERFLOWS = [
    (ScriptedOllama(model(overflowed(20, 10))), 400, "request (20 tokens) exceeds the available context size (10"),
    (ScriptedLMStudio(model(overflowed(20, 10))), 200, "The input has 20 tokens, but the context length only supp"),
    (ScriptedLMStudio(model(overflowed(20, 10)), native="v0"), 400, "context length of only 10 tokens"),
    (ScriptedOpenAI(model(overflowed(20, 10))), 400, '"code":"context_length_exceeded"'),
    (ScriptedOpenAI(model(overflowed(20, 10)), flavour="llama.cpp"), 400, '"n_prompt_tokens":20,"n_ctx":10'),
    (ScriptedOpenAI(model(overflowed(20, 10)), flavour="vllm"), 400, "However, you requested 20 tokens in the mess"),
]


@pytest.mark.parametrize(("server", "code", "words"), OVERFLOWS, ids=lambda value: type(value).__name__)
def test_a_prompt_that_does_not_fit_is_refused_in_each_servers_words(
    server: Any, code: int, words: str, wire: Any
) -> None:
    """LM Studio since 0.4 has an event with status 200 in a stream, the others a status."""
    with server:
        reply = wire.chat(server)
    assert reply.status == code
    assert words in reply.body.decode()


# Memory


@KINDS
def test_a_model_that_left_memory_is_loaded_once_more(kind: Any, wire: Any) -> None:
    """By a question, on demand."""
    with kind(model(unloaded())) as server:
        assert wire.chat(server).text == "Grüße, 世界!"
        assert [(load.model, load.on_demand) for load in server.loads] == [("m", True)]
        assert server.loaded == {"m"}


def test_a_model_that_left_memory_is_refused_where_the_server_loads_none_on_demand(wire: Any) -> None:
    """LM Studio without loading on demand says so; llama.cpp is busy with loading, and answers later."""
    with ScriptedLMStudio(model(unloaded()), jit=False) as server:
        reply = wire.chat(server)
        assert (reply.status, b"No models loaded." in reply.body) == (400, True)
    with ScriptedOpenAI(model(only_first(1, unloaded())), flavour="llama.cpp") as server:
        reply = wire.chat(server)
        assert (reply.status, b"Loading model" in reply.body) == (503, True)
        server.wait_until(lambda: server.loaded == {"m"})
        assert wire.chat(server).text == "Grüße, 世界!"


@KINDS
def test_a_model_can_leave_memory_in_the_middle_of_its_answer(kind: Any, wire: Any) -> None:
    """What was said stands, and the server's own words follow."""
    with kind(model(unloaded(after=2))) as server:
        reply = wire.chat(server)
        assert reply.text == "Grüße,"
        assert kind.gone in reply.body.decode()
        assert (server.loaded, server.evicted) == (set(), ["m"])


@KINDS
def test_a_model_can_be_deleted_meanwhile(kind: Any, wire: Any) -> None:
    """404 in the server's own form, and the lists know it no longer."""
    with kind(model(removed()), "other") as server:
        assert wire.chat(server).status == 404
        names = wire.get(server, LISTS[kind]).body.decode()
        assert ('"m"' in names, '"other"' in names) == (False, True)


def test_a_models_fault_spares_requests_that_only_load_it(wire: Any) -> None:
    """Loads go wrong by their path."""
    cold = model(failed(), loaded=False)
    with ScriptedOllama(cold) as server:
        assert wire.post(server, "/api/generate", model="m").status == 200
        assert (server.loaded, wire.chat(server).status) == ({"m"}, 500)
    with ScriptedLMStudio(cold, faults={"/api/v1/models/load": failed(400, "Failed to load")}) as server:
        assert wire.post(server, "/api/v1/models/load", model="m").status == 400
        assert server.loaded == set()
