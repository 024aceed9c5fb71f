"""What an OpenAI-compatible server is sent, and what is left out once it has refused that."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from codeconductor import Message, Query

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


# What is sent


def test_what_the_query_leaves_open_is_not_sent(ask: Any) -> None:
    """The server's own defaults count; a stream with its usage is always asked for."""
    [body] = ask(sse(delta("stop", content="x"))).bodies
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hello?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_everything_the_query_says_is_sent(ask: Any) -> None:
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


def test_that_a_call_is_required_is_said_to_servers_that_can_enforce_it(ask: Any) -> None:
    """And that one is the most; without tools there is nothing to say."""
    tool = {"type": "function", "function": {"name": "f"}}
    query = attrs.evolve(QUERY, tool_choice="required", parallel_tool_calls=False)
    [body] = ask(sse(delta("stop", content="x")), query=attrs.evolve(query, tools=[tool])).bodies
    assert (body["tool_choice"], body["parallel_tool_calls"]) == ("required", False)
    [body] = ask(sse(delta("stop", content="x")), query=query).bodies
    assert not body.keys() & {"tool_choice", "parallel_tool_calls"}


# Fields that a server refuses


@pytest.mark.parametrize("status", [400, 422, 500, 501])
@pytest.mark.parametrize("field", ["stream_options", "response_format"])
def test_a_refused_optional_field_is_left_out_once(status: int, field: str, ask: Any) -> None:
    """The second request differs in that alone."""
    query = attrs.evolve(QUERY, response_schema=SCHEMA)
    refusal = whole({"detail": [{"loc": ["body", field], "msg": f"{field}: extra inputs"}]}, status)
    told = ask(refusal, sse(delta("stop", content="x")), query=query)
    assert (told.text, told.error) == ("x", None)
    first, second = told.bodies
    assert second == {name: value for name, value in first.items() if name != field}


def test_one_field_after_the_other_may_be_refused(ask: Any) -> None:
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
def test_a_server_that_does_not_know_how_to_choose_tools_is_asked_without(field: str, ask: Any) -> None:
    """Who asks sees to it then."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    query = attrs.evolve(QUERY, tools=tools, tool_choice="required", parallel_tool_calls=False)
    told = ask(whole({"error": f"{field} is not supported"}, 400), sse(delta("stop", content="x")), query=query)
    assert (told.text, told.error) == ("x", None)
    assert field not in told.bodies[-1]


def test_another_refusal_is_not_repeated(ask: Any) -> None:
    """Nothing optional was to blame."""
    told = ask(whole({"error": "temperature is too high"}, 400))
    assert told.error is not None
    assert (told.error.kind, len(told.bodies)) == ("refused", 1)
