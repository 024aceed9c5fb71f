"""How a chat completion fails: errors in the stream or in its place, streams that are cut, and connections."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from codeconductor import Chunk, Message, ProviderError, Query, stream_openai_chat
from codeconductor.dispatch import openai_chat
from codeconductor.http import open_client
from codeconductor.testing.servers import Exchange, Frame, ScriptedModel, ScriptedOpenAI, cut, reset, silence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HOST = "http://127.0.0.1:1"
QUERY = Query(messages=[Message("user", "Hello?")])

Reply = tuple[int, str, bytes]


def sse(*frames: object, done: bool = True) -> Reply:
    """A stream of these frames as a server sends it."""
    text = "".join(f"data: {frame if isinstance(frame, str) else json.dumps(frame)}\n\n" for frame in frames)
    return 200, "text/event-stream; charset=utf-8", (text + ("data: [DONE]\n\n" if done else "")).encode()


def whole(data: object, status: int = 200) -> Reply:
    """A reply in one piece."""
    return status, "application/json", json.dumps(data).encode()


def delta(finish_reason: str | None = None, **fields: object) -> dict[str, Any]:
    """A frame with one choice."""
    return {"model": "m", "choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]}


WHOLE = json.dumps(delta("stop", content="Hello."))


async def _read(host: str, seen: Callable[[Chunk], object]) -> None:
    async with open_client(host) as client:
        async for chunk in stream_openai_chat(client, "m", QUERY):
            seen(chunk)


# Errors


@pytest.mark.parametrize(
    "frame",
    [
        b'event: error\ndata: {"error":{"message":"boom"},"message":"boom"}\n\n',
        b'event: error\ndata: {"message":"boom"}\n\n',
        b"event: error\ndata: boom\n\n",
        b'data: {"error":{"code":500,"message":"boom","type":"server_error"}}\n\ndata: [DONE]\n\n',
        b'data: {"error":"boom"}\n\n',
        b'data: {"object":"error","message":"boom","code":400}\n\n',
        b'error: {"code":500,"message":"boom","type":"server_error"}\n\ndata: [DONE]\n\n',
        b'data: {"error":{"message":"boom"},"choices":[{"delta":{"content":"no"},"finish_reason":"stop"}]}\n\n',
    ],
)
def test_an_error_in_the_stream_ends_it_in_every_form(frame: bytes, ask: Any) -> None:
    """What arrived before is kept; the error is looked for before the choices."""
    status, kind, content = sse(delta(content="Hel"), done=False)
    told = ask((status, kind, content + frame))
    assert told.error is not None
    assert (told.text, told.error.kind) == ("Hel", "server")
    assert told.error.message == f"{HOST} reported an error: boom"


def test_what_fastapi_says_in_a_stream_is_an_error(ask: Any) -> None:
    """It was an empty answer."""
    told = ask(sse({"detail": "out of blocks"}))
    assert told.error is not None
    assert (told.error.kind, told.error.message) == ("server", f"{HOST} reported an error: out of blocks")


def test_an_overflow_in_the_stream_is_one(ask: Any) -> None:
    """llama.cpp's type and LM Studio's words."""
    for error in ({"message": "x", "type": "exceed_context_size_error"}, {"message": "not fit in context length"}):
        told = ask(sse({"error": error}))
        assert told.error is not None
        assert told.error.kind == "context_overflow"


def test_an_answer_that_the_server_broke_off_is_a_fault_of_the_server(ask: Any) -> None:
    """vLLM says `abort`."""
    told = ask(sse(delta(content="x"), delta("abort")))
    assert told.error is not None
    assert (told.text, told.error.kind) == ("x", "server")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (whole({"error": "Unexpected endpoint or method. (POST /x)"}), "protocol"),
        (whole({"error": {"message": "boom"}}), "server"),
        (whole({"data": []}), "protocol"),
        ((200, "text/html", b"<html>hello</html>"), "protocol"),
        ((200, "application/json", b""), "protocol"),
        ((200, "application/json", b'{"choices": "\xff"}'), "protocol"),
        ((200, "text/event-stream", b"data: {\xff}\n\n"), "protocol"),
        ((200, "text/event-stream", b'data: {"choices": [{"del\n\n'), "protocol"),
        ((200, "text/event-stream", b"data: [1]\n\n"), "protocol"),
        ((307, "text/plain", b""), "protocol"),
        (whole({"error": {"message": "no key"}}, 401), "refused"),
        (whole({"detail": "no such model"}, 404), "refused"),
        (whole({"error": "busy"}, 429), "overloaded"),
        (whole({"error": {"message": "Loading model", "code": 503}}, 503), "overloaded"),
        (whole({"error": "boom"}, 500), "server"),
        (whole({"error": {"type": "exceed_context_size_error", "message": "x"}}, 400), "context_overflow"),
    ],
)
def test_every_other_reply_is_a_failure_of_its_kind(reply: Reply, kind: str, ask: Any) -> None:
    """A status, a body of another form, broken UTF-8, half a frame."""
    told = ask(reply)
    assert told.error is not None
    assert (told.error.kind, told.chunks) == (kind, [])


# Streams that end too early, or never


@pytest.mark.parametrize(
    "frames",
    [
        (delta(content="x"),),
        (delta(role="assistant"),),
        (delta(reasoning_content="hm"),),
        (delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": '{"x'}}]),),
    ],
)
def test_a_stream_that_just_ends_is_cut(frames: tuple[object, ...], ask: Any) -> None:
    """Neither finish reason nor `[DONE]`: what arrived is kept, but half a call is none."""
    told = ask(sse(*frames, done=False))
    assert told.error is not None
    assert told.error.kind == "protocol"
    assert told.tool_calls == ()


async def _torn(exchange: Exchange) -> None:
    await exchange.send(Frame(b'data: {"usa\n\n', "text"))


@pytest.mark.parametrize("end", [Exchange.close, Exchange.reset, Exchange.hold, _torn])
def test_an_answer_that_has_said_why_it_ends_is_complete(end: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever becomes of the counts and of `[DONE]` after it, and nobody waits long for these."""
    monkeypatch.setattr("codeconductor.dispatch.openai_chat._LAST_WORDS", 0.01)

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in frames:
            yield frame
            if frame.kind == "final":
                await end(exchange)

    chunks: list[Chunk] = []
    with ScriptedOpenAI(ScriptedModel(name="m", reply="abc", fault=fault)) as server:
        asyncio.run(_read(server.host, chunks.append))
    assert "".join(chunk.text for chunk in chunks) == "abc"
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]


@pytest.mark.anyio
async def test_a_complete_answer_does_not_wait_for_a_stream_that_goes_on_saying_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each event began the second anew that the counts are waited for, until the time for the answer was over."""
    monkeypatch.setattr(openai_chat, "_LAST_WORDS", 0.05)
    given_up = asyncio.Event()

    class Stream(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield f"data: {WHOLE}\n\n".encode()
            while not given_up.is_set():
                yield b'data: {"choices": []}\n\n'
                await asyncio.sleep(0)

    def handle(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Stream())

    async with httpx2.AsyncClient(transport=httpx2.MockTransport(handle), base_url=HOST) as client:
        asyncio.get_running_loop().call_later(30, given_up.set)
        said = [chunk.text async for chunk in stream_openai_chat(client, "m", QUERY)]
    assert "".join(said) == "Hello."
    assert not given_up.is_set()


# The connection


@pytest.mark.parametrize("fault", [cut(after=200), reset(after=200)])
def test_a_connection_that_breaks_keeps_what_arrived(fault: Any) -> None:
    """Closed or reset in the middle of the body: a fault of the protocol."""
    chunks: list[Chunk] = []
    model = ScriptedModel(name="m", reply="abcdef", chunk=1, fault=fault)
    with ScriptedOpenAI(model) as server, pytest.raises(ProviderError) as raised:
        asyncio.run(_read(server.host, chunks.append))
    assert raised.value.kind == "protocol"
    assert "".join(chunk.text for chunk in chunks) == "a"


def test_leaving_the_stream_closes_the_connection() -> None:
    """A server that notices stops generating."""

    async def leave(host: str) -> None:
        arrived = asyncio.Event()
        task = asyncio.create_task(_read(host, lambda _chunk: arrived.set()))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with ScriptedOpenAI(ScriptedModel(name="m", reply="abcdef", chunk=1, fault=silence(after=200))) as server:
        asyncio.run(leave(server.host))
        server.wait_until(lambda: server.requests[0].ended is not None)
        server.wait_until(lambda: server.requests[0].outcome == "cancelled")
