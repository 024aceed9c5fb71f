"""When and whom a fault befalls: faults made of others."""

from __future__ import annotations

from itertools import count as counting
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor.testing.servers.wire import Exchange, Fault, Frame


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


def combined(*faults: Fault) -> Fault:
    """Several faults of one reply: each is handed what the one before it made."""

    def all_of_them(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        for fault in faults:
            frames = fault(exchange, frames)
        return frames

    return all_of_them
