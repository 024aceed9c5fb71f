"""Answers in OpenAI's chat completions, as local servers really stream them."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from codeconductor import Message, Query, ToolCall, Usage

QUERY = Query(messages=[Message("user", "Hello?")])
SCHEMA = {"type": "object", "properties": {"answer": {"type": "string"}}}

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


def body(text: str, kind: str = "text/event-stream") -> Reply:
    """A reply that is just these bytes."""
    return 200, kind, text.encode()


HALVES = [json.dumps(delta(content="Hel")), json.dumps(delta("stop", content="lo."))]


# What comes back


def test_a_stream_is_given_piece_by_piece(ask: Any) -> None:
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
def test_network_pieces_do_not_matter(step: int, ask: Any) -> None:
    """A character, a line end or a frame may be cut anywhere; separators of other alphabets tear nothing."""
    status, kind, content = sse(delta(content="a\u2028b"), delta("stop", content="😀"))
    raw = content.decode().replace("\\u2028", "\u2028").replace("\\ud83d\\ude00", "😀").replace("\n", "\r\n").encode()
    assert "\u2028".encode() in raw
    assert ask((status, kind, raw), pieces=step).text == "a\u2028b😀"


def test_comments_are_no_part_of_the_answer(ask: Any) -> None:
    """llama.cpp sends them while it is busy; a missing blank or a missing last blank line is fine too."""
    body = b": keep-alive\n\n:\n\ndata:" + json.dumps(delta("stop", content="x")).encode() + b"\n\ndata: [DONE]"
    told = ask((200, "text/event-stream", body))
    assert [chunk.text for chunk in told.chunks] == ["x"]
    assert told.error is None


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart(field: str, ask: Any) -> None:
    """Both fields are read; lists such as `reasoning_details` are not."""
    told = ask(sse(delta(**{field: "hm"}), delta(reasoning=["x"], reasoning_details=["y"]), delta("stop", content="4")))
    assert (told.reasoning, told.text) == ("hm", "4")


def test_an_empty_reasoning_content_does_not_hide_the_reasoning(ask: Any) -> None:
    """Some servers send both fields, one of them empty."""
    assert ask(sse(delta(reasoning_content="", reasoning="hm"), delta("stop", content="4"))).reasoning == "hm"


def test_an_answer_of_a_schema_that_stands_among_the_thoughts_is_found(ask: Any) -> None:
    """LM Studio puts it there for some models; prose there is no answer, and without a schema nothing is guessed."""
    frames = sse(delta(reasoning_content='{"answer"'), delta("stop", reasoning_content=': "4"}'))
    query = attrs.evolve(QUERY, response_schema=SCHEMA)
    assert ask(frames, query=query).text == '{"answer": "4"}'
    assert ask(frames).text == ""
    assert ask(sse(delta("stop", reasoning_content="hm")), query=query).text == ""
    assert ask(sse(delta("stop", reasoning_content="{}", content="x")), query=query).text == "x"


def test_tool_calls_are_put_together_from_their_pieces(ask: Any) -> None:
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


def test_calls_that_share_a_number_are_told_apart_by_their_ids(ask: Any) -> None:
    """Some servers number every call 0."""
    calls = [{"index": 0, "id": name, "function": {"name": name, "arguments": "{}"}} for name in "ab"]
    told = ask(sse(delta(tool_calls=calls[:1]), delta("tool_calls", tool_calls=calls[1:])))
    assert [call.name for call in told.tool_calls] == ["a", "b"]


def test_an_answer_in_one_piece_is_read_too(ask: Any) -> None:
    """JSON in answer to `stream: true` means that the server does not stream."""
    message = {"role": "assistant", "content": "4", "reasoning_content": "hm", "tool_calls": []}
    told = ask(whole({"model": "m", "choices": [{"message": message, "finish_reason": "stop"}], "usage": None}))
    assert (told.text, told.reasoning, told.finish_reason, told.error) == ("4", "hm", "stop", None)


def test_only_the_first_choice_is_an_answer(ask: Any) -> None:
    """One is asked for; texts of two must not mix."""
    choices = [{"index": 0, "delta": {"content": "a"}}, {"index": 1, "delta": {"content": "b"}}]
    assert ask(sse({"choices": choices}, delta("stop"))).text == "a"


# How it ends


def test_a_finish_reason_is_enough(ask: Any) -> None:
    """Some servers send no `[DONE]`."""
    assert ask(sse(delta("length", content="x"), done=False)).error is None


def test_done_after_a_text_is_enough(ask: Any) -> None:
    """Some servers send no finish reason."""
    told = ask(sse(delta(content="x")))
    assert (told.error, told.finish_reason) == (None, None)


@pytest.mark.parametrize("done", [True, False])
def test_a_stream_that_says_nothing_is_just_empty(done: bool, ask: Any) -> None:
    """Neither an answer nor a fault: the dispatcher calls it empty."""
    told = ask(sse(done=done))
    assert (told.chunks, told.error) == ([], None)


# Oddities


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
def test_fields_of_another_type_are_passed_over(junk: object, ask: Any) -> None:
    """Types cannot be trusted: a strange field costs nothing but itself."""
    told = ask(sse(delta(content="x"), junk, delta("stop")))
    assert (told.text, told.error) == ("x", None)


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/json", "application/octet-stream", ""])
def test_events_are_known_by_their_first_line_whatever_their_type(kind: str, ask: Any) -> None:
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
def test_no_oddity_of_a_stream_costs_a_piece_of_the_answer(text: str, ask: Any) -> None:
    """Each is another way to say the same."""
    told = ask(body(text))
    assert (told.error, told.text, told.finish_reason) == (None, "Hello.", "stop")


def test_a_server_that_does_not_stream_may_say_it_all_in_one_event(ask: Any) -> None:
    """As a message; one that repeats what was streamed before is not taken twice."""
    message = {"choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}]}
    assert ask(sse(message)).text == "Hello."
    assert ask(sse(delta(content="Hello."), message)).text == "Hello."


def test_an_answer_may_come_in_parts(ask: Any) -> None:
    """Those that are thoughts are no part of the answer."""
    thinks = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    told = ask(sse(delta(content=[thinks]), delta("stop", content=[{"type": "text", "text": "Hello."}])))
    assert (told.error, told.text, told.reasoning) == (None, "Hello.", "Hm.")
    told = ask(whole({"choices": [{"message": {"content": [thinks, {"type": "text", "text": "Hello."}]}}]}))
    assert (told.error, told.text, told.reasoning) == (None, "Hello.", "Hm.")
