"""OpenAI's chat completions, as local servers really speak them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import attrs
import httpx2
import pytest
from codeconductor import Chunk, Message, ProviderError, Query, ToolCall, Usage, stream_openai_chat
from codeconductor.dispatch import openai_chat
from codeconductor.http import open_client
from codeconductor.testing.servers import Exchange, Frame, ScriptedModel, ScriptedOpenAI, cut, reset, silence

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

HOST = "http://127.0.0.1:1"
QUERY = Query(messages=[Message("user", "Hello?")])
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}


@attrs.frozen
class Told:
    """What came out of a stream, and what was asked for."""

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    usage: Usage | None
    error: ProviderError | None
    bodies: list[dict[str, Any]]
    answered_by: list[str]
    chunks: list[Chunk]


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


def ask(*replies: Reply, query: Query = QUERY, pieces: int | None = None, **options: Any) -> Told:
    """Ask a server that gives these replies one after the other; `pieces`: bytes of one network piece."""
    left, bodies = list(replies), []

    class Stream(httpx2.AsyncByteStream):
        def __init__(self, content: bytes) -> None:
            self._content = content

        async def __aiter__(self) -> AsyncIterator[bytes]:
            step = pieces or len(self._content) or 1
            for start in range(0, len(self._content), step):
                yield self._content[start : start + step]

    def handle(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        status, kind, content = left.pop(0)
        return httpx2.Response(status, headers={"content-type": kind}, stream=Stream(content))

    async def read() -> Told:
        chunks: list[Chunk] = []
        error = None
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(handle), base_url=HOST) as client:
            try:
                async for chunk in stream_openai_chat(client, "m", query, **options):
                    chunks.append(chunk)
            except ProviderError as exc:
                error = exc
        return Told(
            text="".join(chunk.text for chunk in chunks),
            reasoning="".join(chunk.reasoning for chunk in chunks),
            tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
            finish_reason=next((c.finish_reason for c in reversed(chunks) if c.finish_reason), None),
            usage=next((c.usage for c in reversed(chunks) if c.usage), None),
            error=error,
            bodies=bodies,
            answered_by=[chunk.model for chunk in chunks if chunk.model],
            chunks=chunks,
        )

    return asyncio.run(read())


# What is sent


def test_what_the_query_leaves_open_is_not_sent() -> None:
    """The server's own defaults count; a stream with its usage is always asked for."""
    [body] = ask(sse(delta("stop", content="x"))).bodies
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_everything_the_query_says_is_sent() -> None:
    """In the field's own terms; a temperature of 0 is one, and a schema is enforced as `json_schema` alone."""
    tool = {"type": "function", "function": {"name": "f"}}
    query = attrs.evolve(
        QUERY, temperature=0.0, seed=0, max_tokens=7, stop=["END"], tools=[tool], response_schema=SCHEMA
    )
    [body] = ask(sse(delta("stop", content="x")), query=query, extra={"ttl": 60}).bodies
    assert body["temperature"] == 0.0
    assert body["seed"] == 0
    assert body["max_tokens"] == 7
    assert body["stop"] == ["END"]
    assert body["tools"] == [tool]
    assert body["ttl"] == 60
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA},
    }


def test_that_a_call_is_required_is_said_to_servers_that_can_enforce_it() -> None:
    """And that one is the most; without tools there is nothing to say."""
    tool = {"type": "function", "function": {"name": "f"}}
    query = attrs.evolve(QUERY, tool_choice="required", parallel_tool_calls=False)
    [body] = ask(sse(delta("stop", content="x")), query=attrs.evolve(query, tools=[tool])).bodies
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)
    [body] = ask(sse(delta("stop", content="x")), query=query).bodies
    assert not body.keys() & {"tool_choice", "parallel_tool_calls"}


# What comes back


def test_a_stream_is_given_piece_by_piece() -> None:
    """Role-only frames are empty chunks, usage comes last, and the end of the stream is the end of the answer."""
    told = ask(
        sse(
            delta(role="assistant", content=None),
            delta(content="Hel"),
            delta(content="lo"),
            delta("stop"),
            {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
        )
    )
    assert [chunk.text for chunk in told.chunks] == ["", "Hel", "lo", "", ""]
    assert told.finish_reason == "stop"
    assert told.usage == Usage(prompt_tokens=3, completion_tokens=2)
    assert told.error is None
    assert told.answered_by == ["m"]


@pytest.mark.parametrize("step", [1, 3, 7])
def test_network_pieces_do_not_matter(step: int) -> None:
    """A character, a line end or a frame may be cut anywhere; separators of other alphabets tear nothing."""
    status, kind, content = sse(delta(content="a\u2028b"), delta("stop", content="😀"))
    raw = content.decode().replace("\\u2028", "\u2028").replace("\\ud83d\\ude00", "😀").replace("\n", "\r\n").encode()
    assert "\u2028".encode() in raw
    assert ask((status, kind, raw), pieces=step).text == "a\u2028b😀"


def test_comments_are_no_part_of_the_answer() -> None:
    """llama.cpp sends them while it is busy; a missing blank or a missing last blank line is fine too."""
    body = b": keep-alive\n\n:\n\ndata:" + json.dumps(delta("stop", content="x")).encode() + b"\n\ndata: [DONE]"
    told = ask((200, "text/event-stream", body))
    assert [chunk.text for chunk in told.chunks] == ["x"]
    assert told.error is None


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart(field: str) -> None:
    """Both fields are read; lists such as `reasoning_details` are not."""
    told = ask(sse(delta(**{field: "hm"}), delta(reasoning=["x"], reasoning_details=["y"]), delta("stop", content="4")))
    assert (told.reasoning, told.text) == ("hm", "4")


def test_an_empty_reasoning_content_does_not_hide_the_reasoning() -> None:
    """Some servers send both fields, one of them empty."""
    assert ask(sse(delta(reasoning_content="", reasoning="hm"), delta("stop", content="4"))).reasoning == "hm"


def test_an_answer_of_a_schema_that_stands_among_the_thoughts_is_found() -> None:
    """LM Studio puts it there for some models; prose there is no answer, and without a schema nothing is guessed."""
    frames = sse(delta(reasoning_content='{"answer"'), delta("stop", reasoning_content=': "4"}'))
    query = attrs.evolve(QUERY, response_schema=SCHEMA)
    assert ask(frames, query=query).text == '{"answer": "4"}'
    assert ask(frames).text == ""
    assert ask(sse(delta("stop", reasoning_content="hm")), query=query).text == ""
    assert ask(sse(delta("stop", reasoning_content="{}", content="x")), query=query).text == "x"


def test_tool_calls_are_put_together_from_their_pieces() -> None:
    """They are given once and complete, whatever the finish reason says."""
    told = ask(
        sse(
            delta(tool_calls=[{"index": 0, "id": "a", "function": {"name": "f", "arguments": ""}}]),
            delta(tool_calls=[{"index": 0, "function": {"name": "", "arguments": '{"x":'}}]),
            delta(tool_calls=[{"index": 1, "id": "b", "function": {"name": "g", "arguments": {"y": 2}}}]),
            delta("stop", tool_calls=[{"index": 0, "function": {"arguments": "1}"}}, None]),
        )
    )
    assert told.tool_calls == (
        ToolCall(name="f", arguments='{"x":1}', id="a"),
        ToolCall(name="g", arguments='{"y": 2}', id="b"),
    )


def test_calls_that_share_a_number_are_told_apart_by_their_ids() -> None:
    """Some servers number every call 0."""
    calls = [{"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}} for name in "ab"]
    told = ask(sse(delta(tool_calls=calls[:1]), delta("tool_calls", tool_calls=calls[1:])))
    assert [call.name for call in told.tool_calls] == ["a", "b"]


def test_an_answer_in_one_piece_is_read_too() -> None:
    """JSON in answer to `stream: true` means that the server does not stream."""
    message = {"role": "assistant", "content": "4", "reasoning_content": "hm", "tool_calls": []}
    told = ask(whole({"model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": None}))
    assert (told.text, told.reasoning, told.finish_reason, told.error) == ("4", "hm", "stop", None)


def test_only_the_first_choice_is_an_answer() -> None:
    """One is asked for; texts of two must not mix."""
    choices = [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]
    assert ask(sse({"choices": choices}, delta("stop"))).text == "a"


# How it ends


def test_a_finish_reason_is_enough() -> None:
    """Some servers send no `[DONE]`."""
    assert ask(sse(delta("length", content="x"), done=False)).error is None


def test_done_after_a_text_is_enough() -> None:
    """Some servers send no finish reason."""
    told = ask(sse(delta(content="x")))
    assert (told.error, told.finish_reason) == (None, None)


@pytest.mark.parametrize("done", [True, False])
def test_a_stream_that_says_nothing_is_just_empty(done: bool) -> None:
    """Neither an answer nor a fault: the dispatcher calls it empty."""
    told = ask(sse(done=done))
    assert (told.chunks, told.error) == ([], None)


@pytest.mark.parametrize(
    "frames",
    [
        (delta(content="x"),),
        (delta(role="assistant"),),
        (delta(reasoning_content="hm"),),
        (delta(tool_calls=[{"index": 0, "function": {"name": "f", "arguments": '{"x'}}]),),
    ],
)
def test_a_stream_that_just_ends_is_cut(frames: tuple[object, ...]) -> None:
    """Neither finish reason nor `[DONE]`: what arrived is kept, but half a call is none."""
    told = ask(sse(*frames, done=False))
    assert told.error is not None
    assert told.error.kind == "protocol"
    assert told.tool_calls == ()


def test_an_answer_that_the_server_broke_off_is_a_fault_of_the_server() -> None:
    """vLLM says `abort`."""
    told = ask(sse(delta(content="x"), delta("abort")))
    assert told.error is not None
    assert (told.text, told.error.kind) == ("x", "server")


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
def test_an_error_in_the_stream_ends_it_in_every_form(frame: bytes) -> None:
    """What arrived before is kept; the error is looked for before the choices."""
    status, kind, content = sse(delta(content="Hel"), done=False)
    told = ask((status, kind, content + frame))
    assert told.error is not None
    assert (told.text, told.error.kind) == ("Hel", "server")
    assert told.error.message == f"{HOST} reported an error: boom"


def test_an_overflow_in_the_stream_is_one() -> None:
    """llama.cpp's type and LM Studio's words."""
    for error in ({"message": "x", "type": "exceed_context_size_error"}, {"message": "not fit in context length"}):
        told = ask(sse({"error": error}))
        assert told.error is not None
        assert told.error.kind == "context_overflow"


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
def test_every_other_reply_is_a_failure_of_its_kind(reply: Reply, kind: str) -> None:
    """A status, a body of another form, broken UTF-8, half a frame."""
    told = ask(reply)
    assert told.error is not None
    assert (told.error.kind, told.chunks) == (kind, [])


@pytest.mark.parametrize(
    "junk",
    [
        {"choices": None},
        {"choices": {}},
        {"choices": [None]},
        {"choices": [{"delta": None}]},
        {"choices": [{"delta": {"content": 1, "tool_calls": "x"}, "finish_reason": False}]},
        {"usage": []},
        {"usage": {"prompt_tokens": True, "completion_tokens": "7"}},
        {"model": 7},
    ],
)
def test_fields_of_another_type_are_passed_over(junk: object) -> None:
    """Types cannot be trusted: a strange field costs nothing but itself."""
    told = ask(sse(delta(content="x"), junk, delta("stop")))
    assert (told.text, told.error) == ("x", None)


# Fields that a server refuses


@pytest.mark.parametrize("status", [400, 422, 500, 501])
@pytest.mark.parametrize("field", ["stream_options", "response_format"])
def test_a_refused_optional_field_is_left_out_once(status: int, field: str) -> None:
    """The second request differs in that alone."""
    query = attrs.evolve(QUERY, response_schema=SCHEMA)
    refusal = whole({"detail": [{"loc": ["body", field], "msg": f"{field}: extra inputs"}]}, status)
    told = ask(refusal, sse(delta("stop", content="x")), query=query)
    assert (told.text, told.error) == ("x", None)
    first, second = told.bodies
    assert second == {name: value for name, value in first.items() if name != field}


def test_one_field_after_the_other_may_be_refused() -> None:
    """A server that validates field by field gets a third request, and no fourth."""
    query = attrs.evolve(QUERY, response_schema=SCHEMA)
    refusals = [whole({"error": f"unknown field {name}"}, 400) for name in ("stream_options", "response_format")]
    told = ask(*refusals, sse(delta("stop", content="x")), query=query)
    assert told.text == "x"
    assert not told.bodies[-1].keys() & {"stream_options", "response_format"}
    told = ask(*refusals, whole({"error": "stream_options"}, 400), query=query)
    assert told.error is not None
    assert told.error.kind == "refused"


@pytest.mark.parametrize("field", ["tool_choice", "parallel_tool_calls"])
def test_a_server_that_does_not_know_how_to_choose_tools_is_asked_without(field: str) -> None:
    """Who asks sees to it then."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    query = attrs.evolve(QUERY, tools=tools, tool_choice="required", parallel_tool_calls=False)
    told = ask(whole({"error": f"{field} is not supported"}, 400), sse(delta("stop", content="x")), query=query)
    assert (told.text, told.error) == ("x", None)
    assert field not in told.bodies[-1]


def test_another_refusal_is_not_repeated() -> None:
    """Nothing optional was to blame."""
    told = ask(whole({"error": "temperature is too high"}, 400))
    assert told.error is not None
    assert (told.error.kind, len(told.bodies)) == ("refused", 1)


# The connection


async def _read(host: str, seen: Callable[[Chunk], object]) -> None:
    async with open_client(host) as client:
        async for chunk in stream_openai_chat(client, "m", QUERY):
            seen(chunk)


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


def body(text: str, kind: str = "text/event-stream") -> Reply:
    """A reply that is just these bytes."""
    return 200, kind, text.encode()


WHOLE = json.dumps(delta("stop", content="Hello."))
HALVES = [json.dumps(delta(content="Hel")), json.dumps(delta("stop", content="lo."))]


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/json", "application/octet-stream", ""])
def test_events_are_known_by_their_first_line_whatever_their_type(kind: str) -> None:
    """Proxies change the type, or leave it out; what comes is streamed all the same."""
    told = ask(body(f": ping\n\ndata: {HALVES[0]}\n\ndata: {HALVES[1]}\n\ndata: [DONE]\n\n", kind), pieces=7)
    assert (told.error, told.text, told.finish_reason) == (None, "Hello.", "stop")
    assert len(told.chunks) == 2


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeffdata: {HALVES[0]}\n\ndata: {HALVES[1]}\n\n",
        f"data: {HALVES[0]}\r\rdata: {HALVES[1]}\r\rdata: [DONE]\r\r",
        f"data: {HALVES[0]}\ndata: {HALVES[1]}\ndata: [DONE]\n\n",
        f"data:\n\ndata: {HALVES[0]}\n\ndata: \n\ndata: {HALVES[1]}\n\n",
        f"event: ping\ndata: hello\n\ndata: {HALVES[0]}\n\nevent: ping\ndata: 1\n\ndata: {HALVES[1]}\n\n",
        f"{HALVES[0]}\n{HALVES[1]}\n",
    ],
    ids=["byte-order mark", "carriage returns", "no blank lines", "empty events", "named pings", "bare objects"],
)
def test_no_oddity_of_a_stream_costs_a_piece_of_the_answer(text: str) -> None:
    """Each is another way to say the same."""
    told = ask(body(text))
    assert (told.error, told.text, told.finish_reason) == (None, "Hello.", "stop")


def test_a_server_that_does_not_stream_may_say_it_all_in_one_event() -> None:
    """As a message; one that repeats what was streamed before is not taken twice."""
    message = {"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]}
    assert ask(sse(message)).text == "Hello."
    assert ask(sse(delta(content="Hello."), message)).text == "Hello."


def test_an_answer_may_come_in_parts() -> None:
    """Those that are thoughts are no part of the answer."""
    thinks = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    told = ask(sse(delta(content=[thinks]), delta("stop", content=[{"type": "text", "text": "Hello."}])))
    assert (told.error, told.text, told.reasoning) == (None, "Hello.", "Hm.")
    told = ask(whole({"choices": [{"message": {"content": [thinks, {"type": "text", "text": "Hello."}]}}]}))
    assert (told.error, told.text, told.reasoning) == (None, "Hello.", "Hm.")


def test_what_fastapi_says_in_a_stream_is_an_error() -> None:
    """It was an empty answer."""
    told = ask(sse({"detail": "out of blocks"}))
    assert told.error is not None
    assert (told.error.kind, told.error.message) == ("server", f"{HOST} reported an error: out of blocks")


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
