"""Work whose client may leave: it is cancelled then, whether its reply comes in pieces or whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from codeconductor import Chunk
    from starlette.types import Receive, Scope, Send

    from codeconductor_serve._answering import Reply

T = TypeVar("T")

PING = 10.0
"""Seconds of silence after which a stream shows that it lives: some clients give up on one that says nothing."""


class ClientGone(Exception):
    """Nobody waits for the reply any more."""


async def unless_gone(receive: Receive, work: Awaitable[T]) -> T:
    """The work's result; it is cancelled, and that is waited for, when its client leaves.

    Args:
        receive: Of a request whose body was read.
        work: What the client waits for.

    Raises:
        ClientGone: It has left.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.create_task(_departure(receive))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientGone
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def pieces(
    work: Callable[[Callable[[Chunk], None]], Awaitable[Reply]],
) -> AsyncGenerator[Chunk | Reply | None, None]:
    """What work tells as it goes on, and its reply at the end; None after each long silence.

    Closing the iterator cancels the work. What the work raises is raised here.
    """
    told: asyncio.Queue[Chunk | None] = asyncio.Queue()
    task = asyncio.ensure_future(work(told.put_nowait))
    task.add_done_callback(lambda _task: told.put_nowait(None))
    try:
        while True:
            try:
                async with asyncio.timeout(PING):
                    piece = await told.get()
            except TimeoutError:
                yield None
                continue
            if piece is None:
                yield task.result()
                return
            yield piece
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class EventStream(Response):
    """A reply in server-sent events.

    Args:
        events: The bytes of each; closed when the client leaves.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncIterator[bytes]) -> None:
        self._events = events
        self.status_code = 200
        self.background = None
        self.init_headers({"cache-control": "no-cache", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events until they end, or the client leaves."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            await unless_gone(receive, self._sent(send))
        except ClientGone:
            return

    async def _sent(self, send: Send) -> None:
        try:
            async for event in self._events:
                await send({"type": "http.response.body", "body": event, "more_body": True})
        finally:
            close = getattr(self._events, "aclose", None)
            if close is not None:
                await close()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
