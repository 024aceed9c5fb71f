"""Which functions a request offers, and whether one of them must be called: `tools` and `tool_choice`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeconductor_serve._errors import ApiError, invalid
from codeconductor_serve._wish import flag

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def calling(body: Mapping[str, Any], read: Callable[[object], list[dict[str, Any]]]) -> dict[str, Any]:
    """What a query says of functions.

    A choice of one function, or of some, leaves only these; that one is called is then up to who decides.

    Args:
        body: Of the request.
        read: Reads its `tools`, in the form of chat completions.

    Raises:
        ApiError: A field is wrong, or wants a tool that is not there.
    """
    tools = read(body.get("tools"))
    tools, must = _chosen(tools, body.get("tool_choice"))
    if must and not tools:
        raise invalid("tool_choice: a call is required, and there is no function", "tool_choice", code="invalid_tool")
    parallel = body.get("parallel_tool_calls")
    return {
        "tools": tools,
        "tool_choice": "required" if must else "auto",
        "parallel_tool_calls": parallel is None or flag(body, "parallel_tool_calls"),
    }


def _chosen(tools: list[dict[str, Any]], choice: object) -> tuple[list[dict[str, Any]], bool]:
    if choice == "none":
        return [], False
    if choice in (None, "auto", "required"):
        return tools, choice == "required"
    if not isinstance(choice, dict) or not isinstance(choice.get("type"), str):
        raise _wrong(f"expected 'none', 'auto', 'required' or an object with a type, got {choice!r:.80}")
    if choice["type"] == "function":
        return _left(tools, [choice]), True
    if choice["type"] != "allowed_tools":
        raise invalid(
            f"tool_choice: tools of type {choice['type']!r:.60} are not supported: functions alone are",
            "tool_choice",
            code="unsupported_value",
        )
    inner = choice.get("allowed_tools", choice)
    allowed, mode = (inner.get("tools"), inner.get("mode")) if isinstance(inner, dict) else (None, None)
    if not isinstance(allowed, list) or mode not in ("auto", "required"):
        raise _wrong("expected allowed_tools with a list of tools, and a mode that is 'auto' or 'required'")
    return _left(tools, allowed), mode == "required"


def _left(tools: list[dict[str, Any]], named: list[Any]) -> list[dict[str, Any]]:
    names = {_name(one) for one in named if isinstance(one, dict) and one.get("type") == "function"}
    unknown = names - {tool["function"]["name"] for tool in tools}
    if unknown:
        raise invalid(f"tool_choice: no tool has the name {min(unknown):.80}", "tool_choice", code="invalid_tool")
    return [tool for tool in tools if tool["function"]["name"] in names]


def _name(choice: Mapping[str, Any]) -> str:
    """The function that a choice names, in either protocol's form."""
    inner = choice.get("function")
    name = inner.get("name") if isinstance(inner, dict) else choice.get("name")
    if not isinstance(name, str):
        raise _wrong(f"expected the name of a function, got {name!r:.80}")
    return name


def _wrong(message: str) -> ApiError:
    return invalid(f"tool_choice: {message}", "tool_choice")
