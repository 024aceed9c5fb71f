"""Reads a request of the Responses API."""

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
    refused_part,
    sampling,
    schema_of,
    text,
)

_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}

_TEXTS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}

_PASSED_OVER = frozenset({"reasoning", "item_reference", "web_search_call", "compaction"})
"""Items that say nothing to another model."""


def read_responses(body: dict[str, Any]) -> Wish:
    """The wish of a request's body; tools of other types than ``function`` are left out, as no model here has them.

    Raises:
        ApiError: A field is wrong, or wants what is not supported; its `param` names it.
    """
    model = model_of(body)
    if body.get("previous_response_id") is not None or body.get("conversation") is not None:
        raise invalid(
            "previous_response_id: replies are not kept; send the whole conversation as input",
            "previous_response_id",
            code="unsupported_value",
        )
    messages = _input(body.get("input"))
    if body.get("instructions"):
        messages.insert(0, Message("system", text(body["instructions"], "instructions")))
    settings = an_object(body, "text")
    if flag(body, "background"):
        raise invalid(
            "background: a reply comes with its request; leave it out", "background", code="unsupported_value"
        )
    return Wish(
        model=model,
        query=Query(
            messages=messages,
            **calling(body, _tools),
            response_schema=schema_of(settings.get("format"), "text.format"),
            **sampling(body, "max_output_tokens"),
        ),
        stream=flag(body, "stream"),
        note=note_of(body),
        echo={
            "instructions": body.get("instructions"),
            "metadata": an_object(body, "metadata"),
            "tool_choice": body.get("tool_choice") or "auto",
        },
    )


def _input(given: object) -> list[Message]:
    if isinstance(given, str) and given:
        return [Message("user", text(given, "input"))]
    if not isinstance(given, list) or not given:
        raise invalid("input: expected a text, or a list of one or more items", "input")
    called: dict[str, str] = {}
    read: list[Message] = []
    for position, item in enumerate(given):
        param = f"input[{position}]"
        if not isinstance(item, dict):
            raise invalid(f"{param}: expected an object", param)
        kind = item.get("type") or "message"
        if not isinstance(kind, str):
            raise refused_part(kind, param)
        if kind in _PASSED_OVER:
            continue
        if kind == "message":
            role = _ROLES.get(str(item.get("role")))
            if role is None:
                raise invalid(f"{param}.role: expected one of {', '.join(_ROLES)}", f"{param}.role")
            said = content_of(item.get("content"), f"{param}.content", _TEXTS)
            read.append(Message(role, said))  # type: ignore[arg-type]  # one of the values above
        elif kind in ("function_call", "custom_tool_call"):
            call = _call(item, param)
            called[call.id or ""] = call.name
            if read and read[-1].role == "assistant":  # what is said and called in one turn are items of their own
                read[-1] = Message("assistant", read[-1].content, tool_calls=(*read[-1].tool_calls, call))
            else:
                read.append(Message("assistant", "", tool_calls=(call,)))
        elif kind in ("function_call_output", "custom_tool_call_output"):
            answers = text(item.get("call_id"), f"{param}.call_id")
            said = content_of(item.get("output"), f"{param}.output", _TEXTS)
            read.append(Message("tool", said, tool_call_id=answers, tool_name=called.get(answers)))
        else:
            raise refused_part(kind, param)
    if not read:
        raise invalid("input: nothing in it can be passed on to a model", "input")
    return read


def _call(item: dict[str, Any], param: str) -> ToolCall:
    arguments = item.get("arguments", item.get("input")) or "{}"
    return ToolCall(
        name=text(item.get("name"), f"{param}.name"),
        arguments=text(arguments, f"{param}.arguments"),
        id=text(item.get("call_id"), f"{param}.call_id"),
    )


def _tools(given: object) -> list[dict[str, Any]]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise invalid("tools: expected a list", "tools", code="invalid_tool")
    read = []
    for position, tool in enumerate(given):
        if not isinstance(tool, dict) or not isinstance(tool.get("type"), str):
            raise invalid(
                f"tools[{position}]: expected an object with a type", f"tools[{position}]", code="invalid_tool"
            )
        if tool["type"] == "function":
            read.append(function(tool, f"tools[{position}]"))
    return read
