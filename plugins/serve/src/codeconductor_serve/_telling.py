"""What one model says, passed on as it arrives: its text, and of its calls those that it may make."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import attrs
from codeconductor import Chunk, ToolCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Query


class Telling:
    """Passes pieces on; where a call is required, a text waits for it, as without one it is no reply.

    Args:
        query: What was asked.
        tell: Given each piece.

    Attributes:
        calls: Those that were passed on.
    """

    def __init__(self, query: Query, tell: Callable[[Chunk], None]) -> None:
        self.calls: list[ToolCall] = []
        self._query = query
        self._tell = tell
        self._waits = query.tool_choice == "required"
        self._kept: list[str] = []

    def heard(self, chunk: Chunk) -> None:
        """Take a piece."""
        calls = with_ids(self._query.permitted((*self.calls, *chunk.tool_calls))[len(self.calls) :])
        self.calls.extend(calls)
        self._kept.append(chunk.text)
        text = ""
        if self.calls or not self._waits:
            text = "".join(self._kept)
            self._kept.clear()
        if text or chunk.reasoning or calls:
            self._tell(Chunk(text=text, reasoning=chunk.reasoning, tool_calls=calls))


def with_ids(calls: tuple[ToolCall, ...]) -> tuple[ToolCall, ...]:
    """Ids that no other call of the conversation has: some servers number every call 0."""
    return tuple(attrs.evolve(call, id=f"call_{secrets.token_hex(8)}") for call in calls)
