"""A reply in the forms of chat completions: whole, and as a stream of chunks."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

import attrs
from codeconductor import frozen

from codeconductor_serve._answering import Reply
from codeconductor_serve._errors import ApiError
from codeconductor_serve._json import frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Chunk, ToolCall

    from codeconductor_serve._wish import Wish

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"


@frozen
class ChatForm:
    """Writes the reply to one wish."""

    wish: Wish
    id: str = attrs.field(factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = attrs.field(factory=lambda: int(time.time()))

    def whole(self, reply: Reply) -> dict[str, Any]:
        """The body of a reply that is not streamed."""
        message: dict[str, Any] = {"role": "assistant", "content": reply.text or None, "refusal": None}
        if reply.reasoning:
            message["reasoning_content"] = reply.reasoning
        if reply.tool_calls:
            message["tool_calls"] = [_call(call) for call in reply.tool_calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": _usage(reply), **_extension(reply)}

    async def stream(self, pieces: AsyncIterator[Chunk | Reply | None]) -> AsyncIterator[bytes]:
        """The events of a reply, those together that come together; an error in the midst of it ends it."""
        begun = self._delta({"role": "assistant", "content": ""})
        calls = 0
        try:
            async for piece in pieces:
                if piece is None:
                    yield begun + PING
                elif isinstance(piece, Reply):
                    yield begun + self._end(piece)
                else:
                    yield begun + b"".join(map(self._delta, _deltas(piece, calls)))
                    calls += len(piece.tool_calls)
                begun = b""
        except ApiError as error:
            yield begun + frame(error.document()) + DONE

    def _end(self, reply: Reply) -> bytes:
        choice = {"index": 0, "delta": {}, "logprobs": None, "finish_reason": reply.finish_reason}
        head = self._head("chat.completion.chunk")
        end = frame({**head, "choices": [choice], **_extension(reply)})
        if self.wish.include_usage:
            end += frame({**head, "choices": [], "usage": _usage(reply), **_extension(reply)})
        return end + DONE

    def _delta(self, delta: dict[str, Any]) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        return frame({**self._head("chat.completion.chunk"), "choices": [choice]})

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.wish.model}


def _deltas(chunk: Chunk, calls: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if chunk.reasoning:
        found.append({"reasoning_content": chunk.reasoning})
    if chunk.text:
        found.append({"content": chunk.text})
    if chunk.tool_calls:
        indexed = [{"index": calls + position, **_call(call)} for position, call in enumerate(chunk.tool_calls)]
        found.append({"tool_calls": indexed})
    return found


def _call(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}


def _usage(reply: Reply) -> dict[str, int]:
    total = reply.prompt_tokens + reply.completion_tokens
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": total,
    }


def _extension(reply: Reply) -> dict[str, Any]:
    return {} if reply.extension is None else {"conductor": reply.extension}
