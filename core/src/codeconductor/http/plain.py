"""Carries plain HTTP over asyncio's own streams: a third less work a request than the HTTP library's own way."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, Any, SupportsIndex

import httpcore2  # noqa: TID253 - as this module itself: when the first client is opened
import httpx2  # noqa: TID253

from codeconductor.http.heard import heard

if TYPE_CHECKING:
    from collections.abc import Iterable

HAPPY_EYEBALLS = 0.25
"""Seconds after which the next address of a name is tried beside the first (RFC 8305)."""

_INFO = {"socket": "socket", "client_addr": "sockname", "server_addr": "peername"}
"""The HTTP library's names for what asyncio knows of a connection."""


class PlainTransport(httpx2.AsyncHTTPTransport):
    """Of an HTTP client for hosts without TLS and without a proxy.

    Args:
        limits: How many connections are kept, and for how long.
    """

    def __init__(self, limits: httpx2.Limits) -> None:
        super().__init__(verify=False, trust_env=False, limits=limits)
        # The library takes no network as an argument; should it call its pool otherwise one day, its own way serves.
        self._pool = httpcore2.AsyncConnectionPool(
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=_Network(),
        )


class _Network(httpcore2.AsyncNetworkBackend):
    """Opens connections."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """One connection; what is given beside address and time is not used by `PlainTransport`."""
        loop = asyncio.get_running_loop()
        reader = _Reader(loop=loop)
        try:
            async with asyncio.timeout(timeout):
                transport, protocol = await loop.create_connection(
                    lambda: asyncio.StreamReaderProtocol(reader, loop=loop),
                    host,
                    port,
                    happy_eyeballs_delay=HAPPY_EYEBALLS,
                )
        except TimeoutError as exc:
            raise httpcore2.ConnectTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpcore2.ConnectError(_why(exc)) from exc
        return _Stream(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


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


class _Stream(httpcore2.AsyncNetworkStream):
    """One connection; what is written leaves when its reply is waited for: headers and body in one piece.

    So the limit on reading is one on sending too, and that on writing has no use.
    """

    def __init__(self, reader: _Reader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unsent: list[bytes] = []

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._unsent.append(buffer)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        try:
            async with nullcontext() if timeout is None else asyncio.timeout(timeout):
                if self._unsent:
                    await self._send()
                return await self._reader.read(max_bytes)
        except TimeoutError as exc:
            raise httpcore2.ReadTimeout(str(exc)) from exc
        except OSError as exc:
            raise httpcore2.ReadError(_why(exc)) from exc

    async def _send(self) -> None:
        self._writer.write(b"".join(self._unsent))
        self._unsent.clear()
        with suppress(OSError):  # the reply may say why the server did not want all of it; else reading tells
            await self._writer.drain()

    async def aclose(self) -> None:
        """Close at once, whatever has not been sent: a server is to stop when nobody waits any more."""
        self._writer.transport.abort()
        with suppress(OSError):
            await self._writer.wait_closed()

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable":  # of an idle connection: it has ended, or has said what nobody asked for
            return self._reader.at_eof() or self._reader.unread > 0 or self._writer.is_closing()
        return self._writer.get_extra_info(_INFO[info]) if info in _INFO else None
