"""Plain HTTP over asyncio's own streams: what a user of the client relies on, whichever network carries it."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest
from codeconductor import ProviderError
from codeconductor.http import checked, open_client, open_stream, request_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Serves = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def a_client(serve: Serves) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a server that treats each connection as the function says."""

    async def treat(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except asyncio.IncompleteReadError:  # the client has gone
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(treat, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, open_client(f"http://127.0.0.1:{port}") as client:
        yield client


async def until_it_is_there() -> None:
    """Loopback has delivered what was sent; the other side takes it in the next rounds of the loop that both share."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_request_leaves_in_one_piece() -> None:
    """Headers and body: a server that reads once has all of a short request, and it costs one system call."""
    pieces = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces.append(await reader.read(65_536))
        writer.write(EMPTY)

    async def ask() -> None:
        async with a_client(serve) as client:
            await request_json(client, "/v1/chat", body={"a": 1})

    asyncio.run(ask())
    assert [piece.endswith(b'\r\n\r\n{"a":1}') for piece in pieces] == [True]


def test_a_long_request_arrives_whole() -> None:
    """Longer than any buffer on the way."""
    lengths = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split()[0])
        lengths.append(len(await reader.readexactly(size)))
        writer.write(EMPTY)

    async def ask() -> None:
        async with a_client(serve) as client:
            await request_json(client, "/v1/chat", body={"a": "x" * 20_000_000})

    asyncio.run(ask())
    assert lengths == [20_000_008]


def test_a_server_that_wants_no_more_is_heard() -> None:
    """It says why, and resets the connection while the rest of the request is still on its way."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 12\r\n\r\nat most 1 MB")
        await until_it_is_there()
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    async def ask() -> None:
        async with a_client(serve) as client, open_stream(client, "/", body={"a": "x" * 20_000_000}) as response:
            await checked(response)

    with pytest.raises(ProviderError, match="at most 1 MB"):
        asyncio.run(ask())


@pytest.mark.parametrize("said", [b"", EMPTY])
def test_a_kept_connection_that_ended_or_speaks_unasked_is_not_used_again(said: bytes) -> None:
    """What came unasked would be taken for the reply to the next request."""
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n" + b'{"asked":1}')
            if len(connections) == 1:
                await until_it_is_there()
                writer.write(said)
                if not said:
                    return

    async def ask() -> list[dict[str, object]]:
        async with a_client(serve) as client:
            first = await request_json(client, "/")
            await until_it_is_there()
            return [first, await request_json(client, "/")]

    assert asyncio.run(ask()) == [{"asked": 1}, {"asked": 1}]
    assert len(connections) == 2


def test_each_address_of_a_name_is_tried() -> None:
    """Many servers listen on one of the two that `localhost` may have; where none does, the first's reason is told."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EMPTY)

    async def two_addresses(_host: str, port: int, **_options: object) -> list[tuple[object, ...]]:
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("::1", port, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port)),
        ]

    async def ask() -> tuple[dict[str, object], str]:
        async with a_client(serve) as client:
            port = client.base_url.port
            asyncio.get_running_loop().getaddrinfo = two_addresses  # type: ignore[method-assign,assignment]
            async with open_client(f"http://two.example:{port}") as other:
                found = await request_json(other, "/")
        async with open_client(f"http://two.example:{port}") as other:
            with pytest.raises(ProviderError) as raised:
                await request_json(other, "/")
        return found, raised.value.message

    found, message = asyncio.run(ask())
    assert found == {}
    assert message.endswith("connection refused")


def test_a_time_limit_of_the_client_is_kept() -> None:
    """Dispatch sets its own; a plugin may set one for a request."""
    ended = []

    async def serve(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        ended.append(await reader.read())

    async def ask() -> None:
        async with a_client(serve) as client:
            with pytest.raises(httpx2.ReadTimeout):
                await client.get("/", timeout=httpx2.Timeout(None, read=0.01))
            await until_it_is_there()

    asyncio.run(ask())
    assert ended == [b""]  # and the server knows that nobody waits


def test_the_client_has_this_network() -> None:
    """The HTTP library takes none as an argument: should it name its pool otherwise one day, this tells."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EMPTY)

    async def ask() -> tuple[str, object, object]:
        async with a_client(serve) as client:
            response = await client.get("/")
            stream = response.extensions["network_stream"]
            return type(stream).__module__, stream.get_extra_info("server_addr"), stream.get_extra_info("ssl_object")

    module, (name, _port), tls = asyncio.run(ask())  # type: ignore[misc]
    assert (module, name, tls) == ("codeconductor.http.plain", "127.0.0.1", None)
