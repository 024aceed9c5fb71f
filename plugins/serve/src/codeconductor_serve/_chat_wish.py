"""Reads a request for a chat completion."""

from __future__ import annotations

from typing import Any

from codeconductor import Message, Query, ToolCall

from codeconductor_serve._errors import invalid
from codeconductor_serve._tools import calling
from codeconductor_serve._wish import (
    Wish,
    an_object,
    content_of,
    flag,
    function,
    model_of,
    note_of,
    sampling,
    schema_of,
    text,
)

_ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}

_TEXTS = {"text": "text", "refusal": "refusal"}


def read_chat(body: dict[str, Any]) -> Wish:
    """The wish of a request's body; fields that nobody here could follow are passed over.

    Raises:
        ApiError: A field is wrong, or wants what is not supported; its `param` names it.
    """
    model = model_of(body)
    if body.get("n") not in (None, 1):
        raise invalid("n: one reply is given to a request; leave it out", "n", code="unsupported_value")
    if body.get("functions") or body.get("function_call") not in (None, "none", "auto"):
        raise invalid("functions: offer them as tools, each a function", "functions", code="unsupported_value")
    options = an_object(body, "stream_options")
    return Wish(
        model=model,
        query=Query(
            messages=_messages(body.get("messages")),
            **calling(body, _tools),
            response_schema=schema_of(body.get("response_format"), "response_format"),
            **sampling(body, "max_completion_tokens", "max_tokens"),
        ),
        stream=flag(body, "stream"),
        include_usage=bool(options.get("include_usage")),
        note=note_of(body),
    )


def _messages(given: object) -> list[Message]:
    if not isinstance(given, list) or not given:
        raise invalid("messages: expected a list of one or more messages", "messages")
    called: dict[str, str] = {}
    read = []
    for position, turn in enumerate(given):
        param = f"messages[{position}]"
        if not isinstance(turn, dict):
            raise invalid(f"{param}: expected an object with role and content", param)
        role = _ROLES.get(str(turn.get("role")))
        if role is None:
            known = ", ".join(_ROLES)
            raise invalid(f"{param}.role: expected one of {known}, got {turn.get('role')!r:.80}", f"{param}.role")
        calls = _calls(turn.get("tool_calls"), param) if role == "assistant" else ()
        called |= {call.id: call.name for call in calls if call.id}
        answers = turn.get("tool_call_id") if role == "tool" else None
        message = Message(
            role,  # type: ignore[arg-type]  # one of the values above
            content_of(turn.get("content"), f"{param}.content", _TEXTS),
            tool_calls=calls,
            tool_call_id=None if answers is None else text(answers, f"{param}.tool_call_id"),
            tool_name=called.get(str(answers)) or (str(turn["name"]) if role == "tool" and turn.get("name") else None),
        )
        read.append(message)
    return read


def _calls(given: object, param: str) -> tuple[ToolCall, ...]:
    if given is None:
        return ()
    where = f"{param}.tool_calls"
    if not isinstance(given, list):
        raise invalid(f"{where}: expected a list", where)
    calls = []
    for call in given:
        described = call.get("function") if isinstance(call, dict) else None
        if not isinstance(described, dict) or not isinstance(described.get("name"), str):
            raise invalid(f"{where}: expected calls of functions, each with a name", where)
        arguments = text(described.get("arguments") or "{}", f"{where}.function.arguments")
        calls.append(ToolCall(name=text(described["name"], where), arguments=arguments, id=_id(call.get("id"))))
    return tuple(calls)


def _id(value: object) -> str | None:
    return text(value, "tool_calls.id") if isinstance(value, str) and value else None


def _tools(given: object) -> list[dict[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise invalid("tools: expected a list", "tools", code="invalid_tool")
    read = []
    for position, tool in enumerate(given):
        param = f"tools[{position}]"
        kind = tool.get("type") if isinstance(tool, dict) else None
        if kind != "function":
            raise invalid(f"{param}.type: expected 'function', got {kind!r:.80}", f"{param}.type", code="invalid_tool")
        read.append(function(tool.get("function"), f"{param}.function"))
    return read
