"""HTTP/1.1 by hand, request by request: a fault needs the socket itself, which no server library gives away."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias

import attrs

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from codeconductor.testing.servers.server import ScriptedServer

MAX_HEAD = 64 * 1024
"""Bytes of the longest request line with its headers."""

FrameKind = Literal["text", "reasoning", "tool", "final", "end", "whole"]
"""What a frame holds: `final` ends the answer, `end` the stream after it (`[DONE]`), `whole` is a body in one piece."""


@frozen
class Frame:
    """One piece of a body, as it is sent.

    Attributes:
        data: Its bytes: a line, an event, or the whole body.
        kind: What it holds.
        length: The content length that is announced for a whole body, where it is not that of `data`.
    """

    data: bytes
    kind: FrameKind
    length: int | None = None


@attrs.define(eq=False)
class Request:
    """A request as the server took it in.

    Attributes:
        method: Upper case.
        path: Without its query.
        query: What follows the question mark.
        headers: Names in lower case.
        content: The body's bytes.
        at: When it was complete, in seconds of `time.monotonic`.
        turn: How many requests came before it on the same connection.
        ended: When its reply was, or what there is of it.
        outcome: What became of it; ``"cancelled"``: the client went away; ``"broken"``: a fault or the
            server's own end cut it.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    content: bytes
    at: float
    turn: int = 0
    ended: float | None = None
    outcome: Literal["open", "answered", "cancelled", "broken"] = "open"

    @property
    def body(self) -> dict[str, Any]:
        """The JSON object of the body; an empty one where there is none."""
        try:
            data = json.loads(self.content)
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}

    @property
    def model(self) -> str:
        """The model that is asked for; empty where none is."""
        return str(self.body.get("model") or self.body.get("name") or "")

    @property
    def options(self) -> dict[str, Any]:
        """Ollama's options, such as `num_ctx`; empty where there are none."""
        options = self.body.get("options")
        return options if isinstance(options, dict) else {}


class Broken(Exception):
    """The connection is of no more use."""


class Exchange:
    """One request and its reply, with the socket in reach.

    Attributes:
        server: Who answers.
        request: What was asked.
        sent: Bytes of the body that were sent so far.
        status: Of the reply, until it has begun.
        content_type: Of the reply, until it has begun.
        headers: Further ones of the reply, until it has begun; names in lower case.
        has_begun: Whether the headers are out.
        has_ended: Whether the reply is complete.
    """

    def __init__(self, server: ScriptedServer, request: Request, writer: asyncio.StreamWriter) -> None:
        self.server = server
        self.request = request
        self.sent = 0
        self.status = 200
        self.content_type = "application/json"
        self.headers: dict[str, str] = {}
        self.has_begun = False
        self.has_ended = False
        self._writer = writer
        self._chunked = False

    async def begin(self, length: int | None = None) -> None:
        """Send status and headers, once.

        Args:
            length: Bytes of the body; None: it comes in chunks.
        """
        if self.has_begun:
            return
        self.has_begun = True
        self._chunked = length is None
        headers = {
            "content-type": self.content_type,
            **({"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}),
            **self.server.headers,
            **self.headers,
        }
        reason = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Unknown"
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        await self._writer.drain()

    async def send(self, frame: Frame) -> None:
        """Send one piece of the body, with the headers before the first."""
        length = frame.length if frame.length is not None else len(frame.data)
        await self.begin(length if frame.kind == "whole" else None)
        self.sent += len(frame.data)
        if frame.data and self.request.method != "HEAD":
            self._writer.write(b"%x\r\n%b\r\n" % (len(frame.data), frame.data) if self._chunked else frame.data)
            await self._writer.drain()

    async def finish(self) -> None:
        """End the body as it was announced, once."""
        if self.has_ended:
            return
        await self.begin(0)
        self.has_ended = True
        if self._chunked and self.request.method != "HEAD":
            self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def hold(self) -> NoReturn:
        """Send nothing more and leave the connection open, until the client goes away or the server stops."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody sets this future")

    async def close(self) -> NoReturn:
        """Close the connection here."""
        await self._writer.drain()
        self._writer.close()
        raise Broken

    async def reset(self) -> NoReturn:
        """Reset the connection here."""
        await self._writer.drain()
        connection = self._writer.get_extra_info("socket")
        # closing with no time to linger sends RST in place of FIN
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()
        raise Broken

    async def die(self) -> NoReturn:
        """Take the whole server down here, as when it was killed."""
        await self._writer.drain()
        self.server.vanish()
        raise Broken


Fault: TypeAlias = Callable[[Exchange, AsyncIterator[Frame]], AsyncIterator[Frame]]
"""What goes wrong: it is handed the frames of the reply as they should be, and gives those that are sent.

It may wait before the first one (the headers are sent with it), leave some out, put others in, or end the exchange with
`hold`, `close`, `reset` or `die`.
"""


async def read_request(reader: asyncio.StreamReader, first: bytes, turn: int) -> Request | None:
    """The next request of a connection, of which the bytes `first` were read already; None when it was closed."""
    try:
        head = first + await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, target, _version = request_line.split(" ", 2)
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    try:
        content = await reader.readexactly(int(headers.get("content-length", "0")))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    path, _, query = target.partition("?")
    return Request(method.upper(), path, query, headers, content, at=time.monotonic(), turn=turn)
