"""A provider's stream, read in a task of its own: it may not end when it is cancelled, and nobody waits for it then."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

from codeconductor.discovery import leave_behind
from codeconductor.errors import is_fault
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


_AHEAD = 64
"""Chunks that may wait for being taken."""


@frozen
class _End:
    """The end of a stream, and what it raised, if anything."""

    error: BaseException | None


class Stream:
    """The chunks of one reply: an async iterator, whose waiting can be cancelled whatever the provider does.

    The provider is asked for the first chunk at once, and for those after it when `flow` was called: before that the
    model may have to wait for its turn.
    """

    def __init__(self, chunks: AsyncIterator[object]) -> None:
        self._chunks = chunks
        self._arrived: asyncio.Queue[object] = asyncio.Queue(_AHEAD)
        self._ended: _End | None = None
        self._flows = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(self._end)

    def flow(self) -> None:
        """Let all the rest come."""
        self._flows.set()

    async def close(self) -> None:
        """End the stream now; one that does not end is left behind."""
        if not self._reading.done():
            await leave_behind(self._reading)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> object:
        if self._ended is None or not self._arrived.empty():
            item = await self._arrived.get()
            if not isinstance(item, _End):
                return item
        assert self._ended is not None, "the end is noted before it is told"
        raise StopAsyncIteration if self._ended.error is None else self._ended.error

    async def _read(self) -> BaseException | None:
        """Read to the end; gives what the provider raised."""
        try:
            async for chunk in self._chunks:
                await self._arrived.put(chunk)  # a provider that never waits must wait here
                await self._flows.wait()
        except BaseException as exc:  # SystemExit would end the event loop
            if not is_fault(exc):
                raise
            return exc
        finally:
            await self._close()
        return None

    async def _close(self) -> None:
        """Close the connection now, and not by chance, so that the server stops."""
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            try:
                await close()
            except BaseException as exc:  # a stream of a plugin that fails to close; what it gave stands
                if not is_fault(exc):
                    raise

    def _end(self, reading: asyncio.Task[BaseException | None]) -> None:
        if reading.cancelled():  # by us, when nobody waits any more, or by the provider itself
            self._ended = _End(asyncio.CancelledError())
        else:
            self._ended = _End(reading.exception() or reading.result())
        if self._arrived.empty():  # somebody may wait
            self._arrived.put_nowait(self._ended)
