"""Carries plain HTTP with a quarter less work than the HTTP library's own way, which is for TLS and proxies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx2  # noqa: TID253 - as this module itself: when the first client is opened

from codeconductor.http.connection import Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

HTTP_PORT = 80


class PlainTransport(httpx2.MockTransport):
    """Of an HTTP client for hosts without TLS and without a proxy.

    The library's transport that is a function: what records and plays requests made with the library knows it.
    Of a request's time limits, that on reading is one on sending too; those on writing and on the pool have no use.

    Args:
        keeps: How many idle connections are kept.
        expiry: Seconds that each of them is.
    """

    def __init__(self, *, keeps: int, expiry: float) -> None:
        super().__init__(self._answer)
        self._keeps = keeps
        self._expiry = expiry
        self._idle: list[Connection] = []
        self._is_closed = False

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.scheme != "http":
            raise httpx2.UnsupportedProtocol(f"a client for plain HTTP cannot reach {request.url}")
        address = (request.url.raw_host.decode("ascii"), request.url.port or HTTP_PORT)
        limits = request.extensions.get("timeout", {})
        connection = self._kept(address) or await Connection.open(address, timeout=limits.get("connect"))
        try:
            head = await connection.ask(request, timeout=limits.get("read"))
        except BaseException:
            await connection.aclose()
            raise
        return httpx2.Response(
            head.status_code,
            headers=head.headers.raw_items(),
            stream=_Body(connection, limits.get("read"), self._give_back),
            extensions={"http_version": b"HTTP/" + head.http_version, "reason_phrase": head.reason},
        )

    def _kept(self, address: tuple[str, int]) -> Connection | None:
        """Of that address the one that was used last, as its server has had the least time to close it."""
        oldest = asyncio.get_running_loop().time() - self._expiry
        found = None
        for connection in self._idle[::-1]:
            is_young = connection.idle_since >= oldest
            if is_young and (found is not None or connection.address != address):
                continue
            self._idle.remove(connection)
            if is_young and connection.serves_another:
                found = connection
            else:
                connection.abort()
        return found

    async def _give_back(self, connection: Connection) -> None:
        if connection.finish() and len(self._idle) < self._keeps and not self._is_closed:
            self._idle.append(connection)
        else:
            await connection.aclose()

    async def aclose(self) -> None:
        """Close what is idle; the rest is closed with its replies."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.abort()
        for connection in idle:
            await connection.aclose()


class _Body(httpx2.AsyncByteStream):
    """Of a reply, as it comes."""

    def __init__(
        self, connection: Connection, timeout: float | None, give_back: Callable[[Connection], Awaitable[None]]
    ) -> None:
        self._connection = connection
        self._timeout = timeout
        self._give_back = give_back
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await self._connection.piece(timeout=self._timeout):
            yield piece

    async def aclose(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            await self._give_back(self._connection)
