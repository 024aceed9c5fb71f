"""Faults of what is said: frames that are broken, missing, too many, too large, or another model's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from codeconductor.testing.servers.plans import dump
from codeconductor.testing.servers.wire import Frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from codeconductor.testing.servers.wire import Exchange, Fault

_TEXTUAL = ("text", "reasoning", "tool", "whole")
_LAST = ("final", "end")
_PIECE = 64 * 1024
"""Bytes of a huge frame that are in memory at once."""


def error_frame(after: int = 1, message: str = "the model has crashed") -> Fault:
    """A frame that tells of an error, in the server's own form, ends the stream after so many frames."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        position = 0
        async for frame in frames:
            if position >= after or frame.kind in _LAST:
                break
            position += 1
            yield frame
        yield exchange.server.error_frame(exchange.request.model, message)

    return fault


def broken_json(after: int = 0) -> Fault:
    """The text frame after so many others is torn in its middle; the stream goes on as if nothing were wrong."""
    return _spoiled(after, lambda data: data.replace(b'":', b'" ', 1))


def broken_utf8(after: int = 0) -> Fault:
    """The text frame after so many others has a byte that no UTF-8 text has."""
    return _spoiled(after, lambda data: data.replace(b'":"', b'":"\xff', 1))


def _spoiled(after: int, spoil: Callable[[bytes], bytes]) -> Fault:
    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        position = 0
        async for frame in frames:
            if frame.kind in _TEXTUAL:
                position += 1
                if position == after + 1:
                    yield attrs.evolve(frame, data=spoil(frame.data))
                    continue
            yield frame

    return fault


def no_final() -> Fault:
    """The stream ends without the frame that says so."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in frames:
            if frame.kind not in _LAST:
                yield frame

    return fault


def empty() -> Fault:
    """A complete stream that says nothing; a body in one piece has no bytes."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in frames:
            if frame.kind in _LAST:
                yield frame

    return fault


def only_reasoning(thought: str = "Let me think about it.") -> Fault:
    """A complete stream of reasoning without an answer."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        yield exchange.server.reasoning_frame(exchange.request.model, thought)
        async for frame in frames:
            if frame.kind in _LAST:
                yield frame

    return fault


def endless(interval: float = 1.0, text: str = "and so on ", *, reasoning: bool = False) -> Fault:
    """The answer never ends: the same piece again and again.

    Args:
        interval: Seconds between two pieces; 0: as fast as the client takes them.
        text: The piece.
        reasoning: It is reasoning that never ends, and no answer comes.
    """

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        server = exchange.server
        frame = (server.reasoning_frame if reasoning else server.text_frame)(exchange.request.model, text)
        while True:
            yield frame
            await asyncio.sleep(interval)

    return fault


def huge_frame(size: int = 100_000_000) -> Fault:
    """The first frame has so many bytes of text, made while they are sent; a body in one piece so many blanks more."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        filler, position = b"x", 0
        async for frame in frames:
            position += 1
            if position > 1:
                yield frame
                continue
            if frame.kind == "whole":
                filler, head, tail = b" ", attrs.evolve(frame, length=len(frame.data) + size), b""
            else:
                marked = exchange.server.text_frame(exchange.request.model, "\x7f").data
                before, _, tail = marked.partition(b"\x7f")
                head = Frame(before, "text")
            yield head
            for start in range(0, size, _PIECE):
                yield Frame(filler * min(_PIECE, size - start), head.kind, head.length)
            if tail:
                yield Frame(tail, head.kind)
                yield frame

    return fault


def answered_by(name: str) -> Fault:
    """The reply is complete, and says that another model than the one that was asked made it."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        asked, other = (dump({"model": model})[1:-1] for model in (exchange.request.model, name))
        async for frame in frames:
            yield attrs.evolve(frame, data=frame.data.replace(asked, other))

    return fault
