"""What comes over one connection, until it is read."""

from __future__ import annotations

import asyncio
from typing import cast

from codeconductor.http.heard import heard

MOST_UNREAD = 128 * 1024
"""Bytes beyond which the server is made to wait."""


class Incoming(asyncio.Protocol):
    """Of one reader at a time.

    Attributes:
        transport: The connection; it is there when asyncio gives both of them.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._data = bytearray()
        self._has_ended = False
        self._fault: Exception | None = None
        self._news = asyncio.Event()
        self._lost = asyncio.Event()

    @property
    def is_quiet(self) -> bool:
        """Whether the connection goes on, and all that came was read."""
        return not (self._data or self._has_ended)

    async def read(self, most: int) -> bytes:
        """The next bytes, at most that many; none: the server has ended the connection.

        Raises:
            OSError: It broke off, or was closed here.
        """
        if self._data:
            await asyncio.sleep(0)  # where much has come, others have their turn all the same
        while self.is_quiet:
            self._news.clear()
            await self._news.wait()
        data = bytes(self._data[:most])
        del self._data[:most]
        if not data and self._fault is not None:
            raise self._fault
        if len(self._data) <= MOST_UNREAD:
            self.transport.resume_reading()
        heard(len(data))
        return data

    async def until_lost(self) -> None:
        """Wait until nothing of the connection is left."""
        await self._lost.wait()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        self._news.set()
        if len(self._data) > MOST_UNREAD:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self._has_ended = True
        self._news.set()
        return True  # it is for us to close it

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._has_ended:  # it broke off; what came before is read first, as it may say why
            self._fault = exc or ConnectionAbortedError("the connection was closed here")
            self._has_ended = True
        self._news.set()
        self._lost.set()
