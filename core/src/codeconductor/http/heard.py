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
        _current.set(self)


_current: ContextVar[Heard | None] = ContextVar("heard", default=None)
"""Of the task that reads: a connection serves many requests, each of which reads its reply by itself."""


def heard(size: int) -> None:
    """Count bytes that have come for the request of the task that reads them."""
    current = _current.get()
    if current is not None:
        current.size += size


async def listen(event: str, info: Mapping[str, Any]) -> None:
    """Count what comes over the HTTP library's own connections; the ``trace`` of a request to an https host."""
    if event in _OPENED:
        stream = info["return_value"]
        read = stream.read

        async def counting(*args: Any, **options: Any) -> bytes:
            data: bytes = await read(*args, **options)
            heard(len(data))
            return data

        stream.read = counting
