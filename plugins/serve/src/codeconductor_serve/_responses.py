"""A reply in the forms of the Responses API: whole, and as a stream of events."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

import attrs
from codeconductor import frozen

from codeconductor_serve._answering import Reply
from codeconductor_serve._chat import PING
from codeconductor_serve._errors import ApiError
from codeconductor_serve._json import frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from codeconductor import Chunk, ToolCall

    from codeconductor_serve._wish import Wish


@frozen
class ResponsesForm:
    """Writes the reply to one wish."""

    wish: Wish
    id: str = attrs.field(factory=lambda: f"resp_{secrets.token_hex(12)}")
    created: int = attrs.field(factory=lambda: int(time.time()))

    def whole(self, reply: Reply) -> dict[str, Any]:
        """The body of a reply that is not streamed."""
        items = [_reasoning(_new("rs"), reply.reasoning)] if reply.reasoning else []
        if reply.text or not reply.tool_calls:
            items.append(_message(_new("msg"), reply.text))
        items += [_call(_new("fc"), call) for call in reply.tool_calls]
        return self.ended(reply, items)

    def ended(self, reply: Reply, items: list[dict[str, Any]]) -> dict[str, Any]:
        """The response with its items and tokens."""
        cut = reply.finish_reason == "length"
        total = reply.prompt_tokens + reply.completion_tokens
        usage = {
            "input_tokens": reply.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": reply.completion_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": total,
        }
        more = {} if reply.extension is None else {"conductor": reply.extension}
        return {
            **self.begun("incomplete" if cut else "completed"),
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "output": items,
            "usage": usage,
            **more,
        }

    def begun(self, status: str = "in_progress") -> dict[str, Any]:
        """The response before anything of it is there."""
        query = self.wish.query
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            **self.wish.echo,
            "model": self.wish.model,
            "output": [],
            "parallel_tool_calls": query.parallel_tool_calls,
            "temperature": query.temperature,
            "tools": [{"type": "function", **tool["function"]} for tool in query.tools],
            "top_p": None,
            "max_output_tokens": query.max_tokens,
            "previous_response_id": None,
            "store": False,
            "usage": None,
        }

    async def stream(self, pieces: AsyncIterator[Chunk | Reply | None]) -> AsyncIterator[bytes]:
        """The events of a reply, each with its bytes; an error in the midst of it ends it."""
        events = _Events()
        yield events.made("response.created", response=self.begun())
        yield events.made("response.in_progress", response=self.begun())
        try:
            async for piece in pieces:
                if piece is None:
                    yield PING
                elif isinstance(piece, Reply):
                    for event in events.closed():
                        yield event
                    if not events.items:  # a client waits for an item, even for one that says nothing
                        for event in (*events.grown("message", ""), *events.closed()):
                            yield event
                    ended = self.ended(piece, events.items)
                    yield events.made(f"response.{ended['status']}", response=ended)
                else:
                    for event in events.of(piece):
                        yield event
        except ApiError as error:
            told = error.document()["error"]
            failed = {**self.begun("failed"), "error": {"code": told["code"], "message": told["message"]}}
            yield events.made("response.failed", response=failed)


class _Events:
    """The events so far.

    Attributes:
        items: Those that are complete.
    """

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []
        self._number = 0
        self._kind = ""
        self._id = ""
        self._texts: list[str] = []

    def made(self, kind: str, **fields: Any) -> bytes:
        """One event."""
        number, self._number = self._number, self._number + 1
        return frame({"type": kind, "sequence_number": number, **fields}, kind)

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The events of a piece."""
        if chunk.reasoning:
            yield from self.grown("reasoning", chunk.reasoning)
        if chunk.text:
            yield from self.grown("message", chunk.text)
        for call in chunk.tool_calls:
            yield from self.closed()
            yield from self._called(call)

    def grown(self, kind: str, text: str) -> Iterator[bytes]:
        """More of the item of that kind, which is begun where another one is open."""
        if self._kind != kind:
            yield from self.closed()
            self._kind = kind
            self._id = _new("rs" if kind == "reasoning" else "msg")
            begun = _reasoning(self._id, "") if kind == "reasoning" else _message(self._id, "", status="in_progress")
            begun |= {"summary": []} if kind == "reasoning" else {"content": []}
            yield self.made("response.output_item.added", output_index=len(self.items), item=begun)
            name, part = self._part("")
            yield self.made(f"response.{name}_part.added", **self._place(), part=part)
        self._texts.append(text)
        word = "reasoning_summary_text" if kind == "reasoning" else "output_text"
        yield self.made(f"response.{word}.delta", **self._place(), delta=text, **self._logprobs())

    def closed(self) -> Iterator[bytes]:
        """The end of the open item, where one is."""
        if not self._kind:
            return
        text = "".join(self._texts)
        word = "reasoning_summary_text" if self._kind == "reasoning" else "output_text"
        yield self.made(f"response.{word}.done", **self._place(), text=text, **self._logprobs())
        name, part = self._part(text)
        yield self.made(f"response.{name}_part.done", **self._place(), part=part)
        item = _reasoning(self._id, text) if self._kind == "reasoning" else _message(self._id, text)
        yield from self._done(item)
        self._kind, self._texts = "", []

    def _called(self, call: ToolCall) -> Iterator[bytes]:
        item = _call(_new("fc"), call)
        place = {"item_id": item["id"], "output_index": len(self.items)}
        begun = {**item, "arguments": "", "status": "in_progress"}
        yield self.made("response.output_item.added", output_index=len(self.items), item=begun)
        yield self.made("response.function_call_arguments.delta", **place, delta=item["arguments"])
        yield self.made(
            "response.function_call_arguments.done", **place, name=item["name"], arguments=item["arguments"]
        )
        yield from self._done(item)

    def _done(self, item: dict[str, Any]) -> Iterator[bytes]:
        yield self.made("response.output_item.done", output_index=len(self.items), item=item)
        self.items.append(item)

    def _place(self) -> dict[str, Any]:
        index = {"summary_index": 0} if self._kind == "reasoning" else {"content_index": 0}
        return {"item_id": self._id, "output_index": len(self.items), **index}

    def _logprobs(self) -> dict[str, Any]:
        return {} if self._kind == "reasoning" else {"logprobs": []}

    def _part(self, text: str) -> tuple[str, dict[str, Any]]:
        if self._kind == "reasoning":
            return "reasoning_summary", {"type": "summary_text", "text": text}
        return "content", {"type": "output_text", "text": text, "annotations": []}


def _new(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"


def _message(item: str, text: str, status: str = "completed") -> dict[str, Any]:
    part = {"type": "output_text", "text": text, "annotations": []}
    return {"id": item, "type": "message", "role": "assistant", "status": status, "content": [part]}


def _reasoning(item: str, text: str) -> dict[str, Any]:
    return {"id": item, "type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}


def _call(item: str, call: ToolCall) -> dict[str, Any]:
    return {
        "id": item,
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments or "{}",
        "status": "completed",
    }
