"""Whether a server has said a single byte to a request: one that it has said nothing to may be sent once more.

The HTTP library tells of a connection that ended before the headers were complete, and not whether some of them came.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPENED = frozenset({"connection.connect_tcp.complete", "connection.start_tls.complete"})


class Heard:
    """What has come in reply to one request; the task that sends it makes one before.

    Attributes:
        size: Bytes so far.
    """

    def __init__(self) -> None:
        self.size = 0
        _heard.set(self)


_heard: ContextVar[Heard | None] = ContextVar("heard", default=None)
"""Of the task that reads: a connection serves many requests, each of which reads its reply by itself."""


async def listen(event: str, info: Mapping[str, Any]) -> None:
    """Listen to every connection from its start; the ``trace`` extension of a request."""
    if event in _OPENED:
        stream = info["return_value"]
        read = stream.read

        async def counting(*args: Any, **options: Any) -> bytes:
            data: bytes = await read(*args, **options)
            heard = _heard.get()
            if heard is not None:
                heard.size += len(data)
            return data

        stream.read = counting
