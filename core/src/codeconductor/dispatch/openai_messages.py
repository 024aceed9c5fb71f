"""The pieces of OpenAI's messages: texts in each of the forms that servers give them, and tool calls."""

from __future__ import annotations

import json
from typing import Any

from codeconductor.dispatch.values import Message, ToolCall


def message_document(message: Message) -> dict[str, Any]:
    """A turn as the protocol has it."""
    document: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        document["tool_calls"] = [
            {
                "id": call.id or f"call_{position}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for position, call in enumerate(message.tool_calls)
        ]
    if message.tool_call_id is not None:
        document["tool_call_id"] = message.tool_call_id
    return document


def written(content: object, kind: str) -> str:
    """A text, or the texts of those parts that are of a kind: Mistral's models think and write in parts."""
    if not isinstance(content, list):
        return text_of(content)
    return "".join(written(part.get(kind), "text") for part in content if isinstance(part, dict))


def thinking(content: object) -> str:
    """What a model thought, where its message has parts."""
    return written(content, "thinking") if isinstance(content, list) else ""


def text_of(value: object) -> str:
    """A text as it is; anything else, null above all, is none."""
    return value if isinstance(value, str) else ""


class Calls:
    """Tool calls, put together from their pieces."""

    def __init__(self) -> None:
        self._parts: list[dict[str, str]] = []
        self._at: dict[int, dict[str, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, pieces: list[Any]) -> None:
        """Take the `tool_calls` of one delta or message in."""
        for position, piece in enumerate(pieces):
            if not isinstance(piece, dict):
                continue
            index = piece.get("index")
            part = self._part(index if isinstance(index, int) else position, text_of(piece.get("id")))
            function = piece.get("function")
            if isinstance(function, dict):
                part["name"] += text_of(function.get("name"))
                part["arguments"] += _arguments(function.get("arguments"))

    def _part(self, index: int, call: str) -> dict[str, str]:
        part = self._at.get(index)
        if part is None or (call and part["id"] and part["id"] != call):  # some servers number every call 0
            part = {"id": call, "name": "", "arguments": ""}
            self._parts.append(part)
            self._at[index] = part
        part["id"] = part["id"] or call
        return part

    def complete(self) -> tuple[ToolCall, ...]:
        """The calls, in order."""
        return tuple(
            ToolCall(name=part["name"], arguments=part["arguments"], id=part["id"] or None) for part in self._parts
        )


def _arguments(value: object) -> str:
    if isinstance(value, dict | list):  # in place of the text that the protocol wants
        return json.dumps(value, ensure_ascii=False)
    return text_of(value)
