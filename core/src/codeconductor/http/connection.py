"""One connection of plain HTTP/1.1: h11 speaks, over asyncio's streams."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, SupportsIndex

import h11  # noqa: TID253 - as this module itself: when the first client is opened
import httpx2  # noqa: TID253

from codeconductor.http.heard import heard

if TYPE_CHECKING:
    from collections.abc import Iterable

HAPPY_EYEBALLS = 0.25
"""Seconds after which the next address of a name is tried beside the first (RFC 8305)."""

MAX_HEAD = 100 * 1024
"""Bytes that the headers of a reply may have."""

MAX_PIECE = 64 * 1024
"""Bytes that are read at once."""


class Connection:
    """Serves one request after another.

    Attributes:
        address: Name and port that it was opened for.
        idle_since: When its last reply was complete, in seconds of the event loop's clock.
    """

    def __init__(self, address: tuple[str, int], reader: _Reader, writer: asyncio.StreamWriter) -> None:
        self.address = address
        self.idle_since = 0.0
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT, MAX_HEAD)

    @classmethod
    async def open(cls, address: tuple[str, int], *, timeout: float | None) -> Connection:
        """Connect.

        Raises:
            httpx2.ConnectTimeout: It took longer than `timeout` seconds.
            httpx2.ConnectError: No address of the name can be reached.
        """
        loop = asyncio.get_running_loop()
        reader = _Reader(loop=loop)
        try:
            async with asyncio.timeout(timeout):
                transport, protocol = await loop.create_connection(
                    lambda: asyncio.StreamReaderProtocol(reader, loop=loop),
                    *address,
                    happy_eyeballs_delay=HAPPY_EYEBALLS,
                )
        except TimeoutError as exc:
            raise httpx2.ConnectTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpx2.ConnectError(_why(exc)) from exc
        return cls(address, reader, asyncio.StreamWriter(transport, protocol, reader, loop))

    @property
    def serves_another(self) -> bool:
        """Whether the server has neither ended it nor said what nobody asked for."""
        unasked = self._reader.unread or self._http.trailing_data[0]
        return not (unasked or self._reader.at_eof() or self._writer.is_closing())

    async def ask(self, request: httpx2.Request, *, timeout: float | None) -> h11.Response:
        """Send a request whose body has been read, in one piece, and wait for the headers of its reply.

        Args:
            request: What is asked.
            timeout: Seconds to send it and to hear something; None: no limit.

        Raises:
            httpx2.TransportError: The connection failed, or what came is no HTTP.
        """
        try:
            head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
            parts = [self._http.send(event) for event in (head, h11.Data(request.content), h11.EndOfMessage())]
        except h11.LocalProtocolError as exc:
            raise httpx2.LocalProtocolError(str(exc)) from exc
        self._writer.write(b"".join(part for part in parts if part))
        event = await self._event(timeout)
        while isinstance(event, h11.InformationalResponse) and event.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            event = await self._event(timeout)
        if not isinstance(event, h11.Response):
            raise httpx2.RemoteProtocolError("the server switched to another protocol")
        return event

    async def piece(self, *, timeout: float | None) -> bytes:
        """What comes next of the reply's body; nothing: it is complete.

        Raises:
            httpx2.TransportError: The connection failed or ended within the body, or what came is no HTTP.
        """
        event = await self._event(timeout)
        return bytes(event.data) if isinstance(event, h11.Data) else b""

    async def _event(self, timeout: float | None) -> h11.Event | type[h11.NEED_DATA | h11.PAUSED]:
        while True:
            try:
                event = self._http.next_event()
                if event is not h11.NEED_DATA:
                    return event
                data = await self._read(timeout)
                if not data and self._http.their_state is h11.SEND_RESPONSE:
                    raise httpx2.RemoteProtocolError("Server disconnected without sending a response.")
                self._http.receive_data(data)
            except h11.RemoteProtocolError as exc:
                raise httpx2.RemoteProtocolError(str(exc)) from exc

    async def _read(self, timeout: float | None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._reader.read(MAX_PIECE)
        except TimeoutError as exc:
            raise httpx2.ReadTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpx2.ReadError(_why(exc)) from exc

    def finish(self) -> bool:
        """End an exchange; tells whether there may be another: not where the reply is incomplete, or was the last."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        self.idle_since = asyncio.get_running_loop().time()
        return True

    def abort(self) -> None:
        """Close as soon as the event loop runs, whatever has not been sent."""
        self._writer.transport.abort()

    async def aclose(self) -> None:
        """Close now, so that the server knows: it is to stop when nobody waits any more."""
        self.abort()
        with suppress(OSError):
            await self._writer.wait_closed()


def _why(exc: OSError) -> str:
    """The system's words; asyncio strings several reasons together, one for each address of a name: of the first."""
    found = re.search(r"\[Errno (\d+)\]", str(exc))
    return os.strerror(int(found[1])).lower() if found else exc.strerror or str(exc)


class _Reader(asyncio.StreamReader):
    """Tells whether something has come that nobody has read, and gives that before it tells of a fault."""

    unread = 0

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        self.unread += len(bytes(data))
        super().feed_data(data)

    def set_exception(self, exc: Exception) -> None:
        if self.unread:  # a server that says why, and then closes before it has read all
            self.feed_eof()
        else:
            super().set_exception(exc)

    async def read(self, n: int = -1) -> bytes:
        data = await super().read(n)
        self.unread -= len(data)
        heard(len(data))
        return data
