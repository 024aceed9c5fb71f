"""What can go wrong between a client and a model server, each a function that makes a `Fault`.

A fault is an async generator over the frames of the reply as it should be; one of your own is written the same way.
"""

from __future__ import annotations

import json
import socket
from contextlib import contextmanager
from itertools import count as counting
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor.testing.servers.wire import Frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from codeconductor.testing.servers.wire import Exchange, Fault

_TEXTUAL = ("text", "reasoning", "tool", "whole")


@contextmanager
def refusing_host() -> Iterator[str]:
    """The address of a loopback port that refuses every connection; nothing else can take it meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and never listening
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def silence(after: int | None = None) -> Fault:
    """The connection stays open and nothing more comes.

    Args:
        after: Bytes of the body that come before; 0: the headers alone; None: not even these.
    """

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        if after is None:
            await exchange.hold()
        async for frame in _beginning(exchange, frames, after or 0):
            yield frame
        await exchange.hold()

    return fault


def cut(after: int = 0) -> Fault:
    """The connection is closed after so many bytes of the body, which is not complete then."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in _beginning(exchange, frames, after):
            yield frame
        await exchange.close()

    return fault


def reset(after: int | None = None) -> Fault:
    """The connection is reset after so many bytes of the body; None: before the headers."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        if after is None:
            await exchange.reset()
        async for frame in _beginning(exchange, frames, after or 0):
            yield frame
        await exchange.reset()

    return fault


async def _beginning(exchange: Exchange, frames: AsyncIterator[Frame], size: int) -> AsyncIterator[Frame]:
    """The first `size` bytes of the body, under headers that announce all of it."""
    left = size
    async for frame in frames:
        length = len(frame.data) if frame.kind == "whole" else None
        if left < len(frame.data):
            await exchange.begin(length)
            if left:
                yield attrs.evolve(frame, data=frame.data[:left], length=length)
            return
        left -= len(frame.data)
        yield frame
        if not left and length is None:
            return


def status(code: int, body: str | Mapping[str, Any] = "", content_type: str | None = None) -> Fault:
    """Another reply altogether.

    Args:
        code: HTTP status.
        body: A text, or an object that is sent as JSON.
        content_type: Told from the body unless given: JSON, HTML or plain text.
    """
    text = body if isinstance(body, str) else json.dumps(body)
    told = "application/json" if not isinstance(body, str) else "text/html" if "<" in body else "text/plain"

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        exchange.status, exchange.content_type = code, content_type or told
        yield Frame(text.encode(), "whole")

    return fault


def error_frame(after: int = 1, message: str = "the model has crashed") -> Fault:
    """A frame that tells of an error, in the server's own form, ends the stream after so many frames."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        position = 0
        async for frame in frames:
            if position >= after or frame.kind in ("final", "end"):
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
            if frame.kind not in ("final", "end"):
                yield frame

    return fault


def empty() -> Fault:
    """A complete stream that says nothing."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in frames:
            if frame.kind in ("final", "end"):
                yield frame

    return fault


def only_reasoning(thought: str = "Let me think about it.") -> Fault:
    """A complete stream of reasoning without an answer."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        yield exchange.server.reasoning_frame(exchange.request.model, thought)
        async for frame in frames:
            if frame.kind in ("final", "end"):
                yield frame

    return fault


def held_until(requests: int) -> Fault:
    """Nothing is sent before so many requests of this path are held at once: proves that a client asks in parallel."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        await exchange.server.until(lambda: exchange.server.most_at_once(exchange.request.path) >= requests)
        async for frame in frames:
            yield frame

    return fault


def only_first(requests: int, fault: Fault) -> Fault:
    """The fault befalls so many requests, and no later ones."""
    position = counting()

    async def sometimes(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in fault(exchange, frames) if next(position) < requests else frames:
            yield frame

    return sometimes


FAULTS: Mapping[str, Callable[..., Fault]] = {
    maker.__name__: maker
    for maker in (
        broken_json,
        broken_utf8,
        cut,
        empty,
        error_frame,
        held_until,
        no_final,
        only_reasoning,
        reset,
        silence,
        status,
    )
}
"""Every fault that can be named on the command line."""
