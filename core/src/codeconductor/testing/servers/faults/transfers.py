"""How a reply is sent that is otherwise as it should be: in other chunks, at a length, compressed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import attrs

from codeconductor.testing.servers.wire import Frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor.testing.servers.wire import Exchange, Fault

_GZIP = 16 + zlib.MAX_WBITS


def rechunked(size: int = 1) -> Fault:
    """The body comes in network chunks of so many bytes, wherever they cut it.

    Args:
        size: 1 splits every character that has several bytes; a large one puts several frames into one chunk.
    """

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        held = b""
        async for frame in frames:
            held += frame.data
            full = len(held) - len(held) % size
            for start in range(0, full, size):
                yield Frame(held[start : start + size], "text")
            held = held[full:]
        if held:
            yield Frame(held, "text")

    return fault


def chunked() -> Fault:
    """The reply is sent in chunks, as streams are, also where the server would announce its length."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in frames:
            yield attrs.evolve(frame, kind="text") if frame.kind == "whole" else frame

    return fault


def with_length() -> Fault:
    """The reply is sent at once when it is complete, with its length in the headers, also where it is a stream."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        yield Frame(b"".join([frame.data async for frame in frames]), "whole")

    return fault


def gzipped() -> Fault:
    """The reply is compressed, frame by frame and in chunks, whatever the client said that it accepts."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        exchange.headers["content-encoding"] = "gzip"
        packer = zlib.compressobj(wbits=_GZIP)
        async for frame in frames:
            yield Frame(packer.compress(frame.data) + packer.flush(zlib.Z_SYNC_FLUSH), "text")
        yield Frame(packer.flush(), "text")

    return fault


def broken_gzip() -> Fault:
    """The headers say that the reply is compressed, and it is not."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        exchange.headers["content-encoding"] = "gzip"
        async for frame in frames:
            yield frame

    return fault


def gzip_bomb(size: int = 256 * 2**20) -> Fault:
    """A short compressed reply, compressed a second time, that unpacks to a line without end.

    Args:
        size: Bytes of the line.
    """

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        exchange.headers["content-encoding"] = "gzip, gzip"
        packer, step = zlib.compressobj(wbits=_GZIP), 2**20
        packed = b"".join(packer.compress(b" " * min(step, size - done)) for done in range(0, size, step))
        outer = zlib.compressobj(wbits=_GZIP)
        yield Frame(outer.compress(packed + packer.flush()) + outer.flush(), "text")

    return fault
