"""One connection of plain HTTP/1.1: h11 speaks, over a transport of asyncio."""

from __future__ import annotations

import asyncio
import selectors
import socket
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import h11  # noqa: TID253 - as this module itself: when the first client is opened
import httpx2  # noqa: TID253
from aiohappyeyeballs import start_connection  # noqa: TID253

from codeconductor.http.incoming import Incoming

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from aiohappyeyeballs import AddrInfoType

HAPPY_EYEBALLS = 0.25
"""Seconds after which the next address of a name is tried beside the first (RFC 8305)."""

MAX_HEAD = 100 * 1024
"""Bytes that the headers of a reply may have."""

MAX_PIECE = 16 * 1024
"""Bytes that are read at once."""

_LAST_ROUNDS = 10
"""Rounds of the event loop in which a connection that the system has made already becomes known here."""


_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)
"""That costs one call to the system."""


class Connection:
    """Serves one request after another.

    Attributes:
        address: Name and port that it was opened for.
        idle_since: When its last reply was complete, in seconds of the event loop's clock.
    """

    def __init__(self, address: tuple[str, int], incoming: Incoming) -> None:
        self.address = address
        self.idle_since = 0.0
        self._incoming = incoming
        self._transport = incoming.transport
        self._http = h11.Connection(h11.CLIENT, MAX_HEAD)

    @classmethod
    async def open(cls, address: tuple[str, int], *, timeout: float | None) -> Connection:
        """Connect.

        Raises:
            httpx2.ConnectTimeout: It took longer than `timeout` seconds.
            httpx2.ConnectError: There is no such name, or no address of it can be reached.
        """
        loop = asyncio.get_running_loop()
        try:
            async with _limited(timeout):
                found = await _addresses(*address)
                connected = await start_connection(found, happy_eyeballs_delay=HAPPY_EYEBALLS)
                _, incoming = await loop.create_connection(Incoming, sock=connected)
        except TimeoutError as exc:
            raise httpx2.ConnectTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpx2.ConnectError(str(exc)) from exc
        except (UnicodeError, OverflowError) as exc:  # an empty label, a port beyond 65,535
            raise httpx2.ConnectError("there can be no such address") from exc
        return cls(address, incoming)

    @property
    def serves_another(self) -> bool:
        """Whether the server has neither ended it nor said what nobody asked for."""
        is_quiet = self._incoming.is_quiet and not self._http.trailing_data[0]
        return is_quiet and not (self._transport.is_closing() or _is_readable(self._transport))

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
        self._transport.write(b"".join(part for part in parts if part))
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
                if not data and self._http.their_state is h11.SEND_RESPONSE:  # in the library's words
                    raise httpx2.RemoteProtocolError("Server disconnected without sending a response.")
                self._http.receive_data(data)
            except h11.RemoteProtocolError as exc:
                raise httpx2.RemoteProtocolError(str(exc)) from exc

    async def _read(self, timeout: float | None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await self._incoming.read(MAX_PIECE)
        except TimeoutError as exc:
            raise httpx2.ReadTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpx2.ReadError(str(exc)) from exc

    def finish(self) -> bool:
        """End an exchange; tells whether there may be another.

        There is none where the reply is incomplete or was the last, nor where it came before the request was sent.
        """
        both = (self._http.our_state, self._http.their_state)
        if both != (h11.DONE, h11.DONE) or self._transport.get_write_buffer_size():
            return False
        self._http.start_next_cycle()
        self.idle_since = asyncio.get_running_loop().time()
        return True

    def abort(self) -> None:
        """Close as soon as the event loop runs, whatever has not been sent."""
        self._transport.abort()

    async def aclose(self) -> None:
        """Close now, so that the server knows: it is to stop when nobody waits any more."""
        self.abort()
        await self._incoming.until_lost()


@asynccontextmanager
async def _limited(seconds: float | None) -> AsyncIterator[None]:
    """`asyncio.timeout` that takes in what has come before it ends: it may be us who were busy, and not the host."""
    loop = asyncio.get_running_loop()
    timer: asyncio.Handle | None = None

    def end(rounds: int = _LAST_ROUNDS) -> None:
        nonlocal timer
        if rounds:
            timer = loop.call_soon(end, rounds - 1)
        else:
            limit.reschedule(loop.time())

    try:
        async with asyncio.timeout(None) as limit:
            if seconds is not None:
                timer = loop.call_later(seconds, end)
            yield
    finally:
        if timer is not None:
            timer.cancel()


async def _addresses(name: str, port: int) -> Sequence[AddrInfoType]:
    """Of a name; one that is an address itself needs no other thread to look it up."""
    try:
        return socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        return await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)


def _is_readable(transport: asyncio.Transport) -> bool:
    """Whether something has come that the event loop had no time to take."""
    with _Selector() as selector:
        selector.register(transport.get_extra_info("socket"), selectors.EVENT_READ)
        return bool(selector.select(0))
