"""The scripted servers speak as the real ones do, and record what arrives."""

from __future__ import annotations

import asyncio
import gc
import json
import socket
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.http import open_client
from codeconductor.testing.servers import (
    Said,
    ScriptedLMStudio,
    ScriptedModel,
    ScriptedOllama,
    ScriptedOpenAI,
    ScriptedServer,
    held_until,
    only_first,
    silence,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

CHAT = {ScriptedOllama: "/api/chat", ScriptedLMStudio: "/v1/chat/completions", ScriptedOpenAI: "/v1/chat/completions"}


async def _send(host: str, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
    """Status and body."""
    async with open_client(host) as client:
        response = await client.request(method, path, json=body)
        return response.status_code, response.content


def get(server: ScriptedServer, path: str) -> tuple[int, Any]:
    code, body = asyncio.run(_send(server.host, "GET", path, None))
    try:
        return code, json.loads(body)
    except ValueError:
        return code, body.decode()


def post(server: ScriptedServer, path: str, **body: Any) -> tuple[int, bytes]:
    return asyncio.run(_send(server.host, "POST", path, body))


def chat(server: ScriptedServer, model: str = "m", **body: Any) -> tuple[int, bytes]:
    question = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    return post(server, CHAT[type(server)], **(question | body))


def objects(body: bytes) -> list[dict[str, Any]]:
    """The JSON objects of a stream, of either kind."""
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n")]
    return [json.loads(line) for line in lines if line.startswith("{")]


# Ollama


def test_ollama_lists_its_models_with_their_state() -> None:
    """What is loaded, remote or an embedder can be told, as from a real server of 0.30."""
    models = [
        ScriptedModel(name="qwen3:8b", capabilities=("completion", "thinking"), loaded_context_length=4096),
        ScriptedModel(name="cold:1b", loaded=False),
        ScriptedModel(name="nomic-embed-text", embedding=True, loaded=False),
        ScriptedModel(name="gpt-oss:120b-cloud", remote=True),
    ]
    with ScriptedOllama(*models) as server:
        assert get(server, "/") == (200, "Ollama is running")
        assert get(server, "/api/version") == (200, {"version": "0.30.0"})
        tags = {entry["name"]: entry for entry in get(server, "/api/tags")[1]["models"]}
        assert list(tags) == [model.name for model in models]
        assert tags["qwen3:8b"]["capabilities"] == ["completion", "thinking"]
        assert tags["nomic-embed-text"]["capabilities"] == ["embedding"]
        assert tags["gpt-oss:120b-cloud"]["remote_host"]
        assert "remote_host" not in tags["cold:1b"]
        running = get(server, "/api/ps")[1]["models"]
        assert [(entry["name"], entry["context_length"]) for entry in running] == [("qwen3:8b", 4096)]
        shown = json.loads(post(server, "/api/show", model="cold:1b")[1])
        assert shown["model_info"]["llama.context_length"] == 32768
        assert get(server, "/api/nothing") == (404, "404 page not found")
        assert get(server, "/api/chat")[0] == 405


def test_an_older_ollama_tells_less() -> None:
    """Fields appear with the versions that brought them."""
    with ScriptedOllama("m", version="0.6.3") as server:
        assert "capabilities" not in get(server, "/api/tags")[1]["models"][0]
        assert "context_length" not in get(server, "/api/ps")[1]["models"][0]
        assert "capabilities" not in json.loads(post(server, "/api/show", model="m")[1])


def test_ollama_streams_reasoning_text_and_tool_calls() -> None:
    """Pieces of the right size, then one line with `done` and the counts."""
    said = Said(text="Hello there", reasoning="hm", tool_calls=(("add", {"a": 1}),), finish_reason="length")
    with ScriptedOllama(ScriptedModel(name="m", reply=said, chunk=6)) as server:
        *pieces, final = objects(chat(server)[1])
        assert [piece["message"].get("thinking", "") for piece in pieces] == ["hm", "", "", ""]
        assert [piece["message"]["content"] for piece in pieces] == ["", "Hello ", "there", ""]
        assert pieces[-1]["message"]["tool_calls"] == [{"function": {"name": "add", "arguments": {"a": 1}}}]
        assert (final["done"], final["done_reason"]) == (True, "length")
        assert final["prompt_eval_count"] == 1
        whole = json.loads(chat(server, stream=False)[1])
        assert (whole["message"]["content"], whole["message"]["thinking"], whole["done"]) == ("Hello there", "hm", True)
        assert "thinking" not in json.loads(chat(server, stream=False, think=False)[1])["message"]


def test_ollama_refuses_as_the_real_one_does() -> None:
    """Unknown models, embedders and models that cannot think have the real server's words."""
    with ScriptedOllama("m", ScriptedModel(name="e", embedding=True)) as server:
        assert chat(server, "x") == (404, b'{"error":"model \'x\' not found"}')
        assert chat(server, "e") == (400, rb'{"error":"\"e\" does not support chat"}')
        assert chat(server, think=True) == (400, rb'{"error":"\"m\" does not support thinking"}')
        assert post(server, "/api/chat") == (400, b'{"error":"model is required"}')


def test_ollama_loads_and_unloads() -> None:
    """An empty request loads, one with `keep_alive` 0 unloads; a question loads too."""
    with ScriptedOllama(ScriptedModel(name="m", loaded=False)) as server:
        assert json.loads(post(server, "/api/generate", model="m")[1])["done_reason"] == "load"
        assert server.loaded == {"m"}
        assert json.loads(post(server, "/api/generate", model="m", keep_alive=0)[1])["done_reason"] == "unload"
        assert server.loaded == set()
        chat(server)
        assert server.loaded == {"m"}


# LM Studio


def test_lm_studio_lists_in_three_families() -> None:
    """State and context length in the native ones, names alone in the third."""
    cold = ScriptedModel(name="pub/cold", loaded=False, capabilities=("completion", "vision", "tools"))
    with ScriptedLMStudio("pub/warm", cold, ScriptedModel(name="text-embedding-x", embedding=True)) as server:
        warm, other, embedder = get(server, "/api/v1/models")[1]["models"]
        assert [bool(entry["loaded_instances"]) for entry in (warm, other, embedder)] == [True, False, True]
        assert other["capabilities"] == {"vision": True, "trained_for_tool_use": True}
        assert embedder["type"] == "embedding"
        entries = get(server, "/api/v0/models")[1]["data"]
        assert [entry["type"] for entry in entries] == ["llm", "vlm", "embeddings"]
        assert [entry["state"] for entry in entries] == ["loaded", "not-loaded", "loaded"]
        assert [set(entry) for entry in get(server, "/v1/models")[1]["data"]] == 3 * [{"id", "object", "owned_by"}]


@pytest.mark.parametrize(("native", "has"), [("v1", (True, True)), ("v0", (False, True)), ("none", (False, False))])
def test_lm_studio_answers_unknown_paths_with_status_200(native: Any, has: tuple[bool, bool]) -> None:
    """An older version has fewer families, and its body alone tells."""
    with ScriptedLMStudio("m", native=native) as server:
        replies = [get(server, f"/api/{family}/models") for family in ("v1", "v0")]
        assert [code for code, _ in replies] == [200, 200]
        assert tuple("error" not in body for _, body in replies) == has
        assert get(server, "/v1//models")[1] == {"error": "Unexpected endpoint or method. (GET /v1//models)"}


def test_lm_studio_without_loading_on_demand() -> None:
    """Only loaded models are listed by the older families, and a question to another is refused."""
    with ScriptedLMStudio(ScriptedModel(name="m", loaded=False), jit=False) as server:
        assert get(server, "/v1/models")[1]["data"] == []
        code, body = chat(server)
        assert (code, b"No models loaded." in body) == (400, True)
        assert json.loads(post(server, "/api/v1/models/load", model="m")[1])["instance_id"] == "m"
        assert chat(server)[0] == 200
        assert json.loads(post(server, "/api/v1/models/load", model="m")[1])["instance_id"] == "m:2"
        assert server.instances == {"m": 2}
        assert json.loads(post(server, "/api/v1/models/unload", instance_id="m:2")[1]) == {"instance_id": "m:2"}
        assert server.loaded == {"m"}
        assert json.loads(post(server, "/api/v1/models/unload", instance_id="m")[1]) == {"instance_id": "m"}
        assert server.loaded == set()
        assert chat(server, response_format={"type": "json_object"})[0] == 400


# Chat completions


@pytest.mark.parametrize("kind", [ScriptedLMStudio, ScriptedOpenAI])
def test_chat_completions_are_streamed_and_whole(kind: Any) -> None:
    """Reasoning, text and tool calls in deltas, then a finish reason, usage where it was asked for, and `[DONE]`."""
    said = Said(text="Hello there", reasoning="hm", tool_calls=(("add", {"a": 1}),))
    with kind(ScriptedModel(name="m", reply=said, chunk=6)) as server:
        body = chat(server, stream_options={"include_usage": True})[1]
        *chunks, usage = objects(body)
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
        assert deltas[:3] == [{"reasoning_content": "hm"}, {"content": "Hello "}, {"content": "there"}]
        assert deltas[3]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a":1}'}
        assert (deltas[4], chunks[4]["choices"][0]["finish_reason"]) == ({}, "stop")
        assert (usage["choices"], usage["usage"]["prompt_tokens"]) == ([], 1)
        assert body.endswith(b"data: [DONE]\n\n")
        assert "usage" not in objects(chat(server)[1])[-1]
        message = json.loads(chat(server, stream=False)[1])["choices"][0]["message"]
        assert (message["content"], message["reasoning_content"]) == ("Hello there", "hm")


@pytest.mark.parametrize(
    ("reasoning", "delta"), [("reasoning", {"reasoning": "hm"}), ("inline", {"content": "<think>\nhm\n</think>\n\nHi"})]
)
def test_reasoning_goes_where_the_server_puts_it(reasoning: Any, delta: dict[str, str]) -> None:
    """Into either field, or into the text."""
    with ScriptedOpenAI(ScriptedModel(name="m", reply=Said(text="Hi", reasoning="hm")), reasoning=reasoning) as server:
        assert objects(chat(server)[1])[0]["choices"][0]["delta"] == delta


def test_a_generic_server_tells_what_its_flavour_tells() -> None:
    """Names alone, or the context length in one of two places."""
    model = ScriptedModel(name="m", loaded_context_length=4096)
    with ScriptedOpenAI(model) as server:
        assert get(server, "/v1/models")[1]["data"] == [{"id": "m", "object": "model"}]
        assert [get(server, path)[0] for path in ("/props", "/health")] == [404, 404]
        assert chat(server, "other")[0] == 404
    with ScriptedOpenAI(model, flavour="vllm") as server:
        assert get(server, "/v1/models")[1]["data"][0]["max_model_len"] == 4096
        assert [get(server, path)[0] for path in ("/props", "/health")] == [404, 200]
    with ScriptedOpenAI(model, flavour="llama.cpp", slots=3) as server:
        props = get(server, "/props")[1]
        assert (props["default_generation_settings"]["n_ctx"], props["total_slots"]) == (4096, 3)
        assert chat(server, "other")[0] == 200


def test_a_server_with_a_key_refuses_others_and_quotes_them() -> None:
    """401 repeats the beginning of what was sent, as LM Studio does; a field can be refused too."""
    with ScriptedOpenAI("m", key="secret", refuses=("stream_options",)) as server:

        async def ask(key: str) -> tuple[int, str]:
            async with open_client(server.host, headers={"authorization": f"Bearer {key}"}) as client:
                body = {"model": "m", "messages": [], "stream_options": {}}
                response = await client.post("/v1/chat/completions", json=body)
                return response.status_code, response.text

        code, text = asyncio.run(ask("0123456789abcdef"))
        assert (code, "0123456789..." in text) == (401, True)
        code, text = asyncio.run(ask("secret"))
        assert (code, "stream_options" in text) == (400, True)


def test_a_reply_may_depend_on_the_request() -> None:
    """A function of the body says what the model says; when it raises, the test hears of it."""
    with ScriptedOllama(ScriptedModel(name="m", reply=lambda body: body["messages"][0]["content"][::-1])) as server:
        assert objects(chat(server)[1])[0]["message"]["content"] == "iH"
    server = ScriptedOllama(ScriptedModel(name="m", reply=lambda _: str(1 / 0))).start()
    with pytest.raises(Exception) as caught:
        chat(server)
    assert type(caught.value).__name__ == "RemoteProtocolError"
    with pytest.raises(ZeroDivisionError):
        server.__exit__(None, None, None)


# The record


def test_requests_that_are_held_at_once_are_counted() -> None:
    """`held_until` proves that a client asks in parallel, without a clock."""
    with ScriptedOllama(ScriptedModel(name="m", fault=held_until(3)), "alone") as server:

        async def ask(times: int, model: str) -> None:
            body = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
            await asyncio.gather(*(_send(server.host, "POST", "/api/chat", body) for _ in range(times)))

        asyncio.run(ask(1, "alone"))
        assert server.most_at_once("/api/chat") == 1
        asyncio.run(ask(3, "m"))
        assert server.most_at_once("/api/chat") == 3
        assert [request.model for request in server.asked("/api/chat")] == ["alone", "m", "m", "m"]
        times = [request.at for request in server.requests]
        assert times == sorted(times)
        server.wait_until(lambda: all(request.ended is not None for request in server.requests))
        assert all(request.ended is not None and request.ended >= request.at for request in server.requests)


def test_a_model_that_answers_one_at_a_time_makes_others_wait() -> None:
    """As an Ollama of today does: the second request is held, and sent nothing, until the first is done."""
    model = ScriptedModel(name="m", parallel=1, fault=only_first(1, silence(10)))
    with ScriptedOllama(model) as server:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}

        async def ask() -> None:
            async with open_client(server.host) as client:
                async with client.stream("POST", "/api/chat", json=body) as first:
                    pieces = first.aiter_raw()  # kept: an iterator that is collected closes its response
                    await anext(pieces)
                    second = asyncio.ensure_future(_send(server.host, "POST", "/api/chat", body))
                    await asyncio.to_thread(server.wait_until, lambda: len(server.requests) == 2)
                    assert server.requests[1].outcome == "open"
                assert (await second)[0] == 200

        asyncio.run(ask())
        server.wait_until(lambda: [request.outcome for request in server.requests] == ["cancelled", "answered"])


def test_waiting_for_what_never_happens_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test does not hang."""
    monkeypatch.setattr("codeconductor.testing.servers.record.PATIENCE", 0.01)
    with ScriptedOllama("m") as server, pytest.raises(AssertionError, match="still not so"):
        server.wait_until(lambda: False)


# The end


def test_a_client_that_connects_as_the_server_stops_leaves_nothing_open() -> None:
    """What is accepted in the loop's last turns is closed too, not left to the garbage collector's warning."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", ResourceWarning)
        server = ScriptedOllama("m").start()
        hold = threading.Event()
        server._loop.call_soon_threadsafe(hold.wait)
        client = socket.create_connection(("127.0.0.1", server._port))
        server._loop.call_soon_threadsafe(server._stopping.set)
        hold.set()
        server.stop()
        client.close()
        gc.collect()
    assert [str(warning.message) for warning in told] == []
