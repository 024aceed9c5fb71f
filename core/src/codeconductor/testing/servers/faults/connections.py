"""Faults of the connection: it is refused, falls silent, or is broken off."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from codeconductor.testing.servers.wire import Exchange, Fault, Frame


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
        async for frame in _beginning(exchange, frames, after):
            yield frame
        await exchange.hold()

    return fault


def cut(after: int | None = 0) -> Fault:
    """The connection is closed in the middle.

    Args:
        after: Bytes of the body that come before; 0: the headers alone; None: not even these.
    """

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in _beginning(exchange, frames, after):
            yield frame
        await exchange.close()

    return fault


def reset(after: int | None = None) -> Fault:
    """The connection is reset in the middle.

    Args:
        after: Bytes of the body that come before; 0: the headers alone; None: not even these.
    """

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in _beginning(exchange, frames, after):
            yield frame
        await exchange.reset()

    return fault


async def _beginning(exchange: Exchange, frames: AsyncIterator[Frame], size: int | None) -> AsyncIterator[Frame]:
    """The first `size` bytes of the body, under headers that announce all of it; None: nothing at all."""
    if size is None:
        return
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


def dies(after: int = 0) -> Fault:
    """The server is gone: every open connection ends, and new ones are refused from then on.

    Given to several paths it counts the requests of all of them, so that a server can die between the last list that a
    client asks for and its first question.

    Args:
        after: Requests that are answered before; it is gone as soon as the last of them is complete, and who connects
            when a client can know that is refused. 0: it goes down when it is asked.
    """
    ending = answered = 0

    def count(exchange: Exchange) -> None:
        nonlocal ending
        ending += 1
        if ending >= after:
            exchange.server.turn_away()

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        nonlocal answered
        if not after:
            await exchange.die()
        is_counted = False
        async for frame in frames:
            if frame.kind in ("whole", "final") and not is_counted:  # with this a client may know all
                is_counted = True
                count(exchange)
            yield frame
        if not is_counted:
            count(exchange)
        await exchange.finish()
        answered += 1
        if answered >= after:
            await exchange.die()

    return fault


def dies_idle() -> Fault:
    """A connection that was kept open is found closed: only the first request of each is answered.

    A later one is taken in, and not one byte of a reply comes, as when a server closes an idle connection at the very
    moment in which a client uses it.
    """

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        if exchange.request.turn:
            await exchange.close()
        async for frame in frames:
            yield frame

    return fault
