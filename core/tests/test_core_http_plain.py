"""Plain HTTP: what a user of the client relies on, whatever carries it."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import struct
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest
import vcr  # type: ignore[import-untyped]  # vcrpy has no types
from codeconductor import ProviderError
from codeconductor.http import checked, open_client, open_stream, request_json
from codeconductor.testing.servers import refusing_host

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

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


def resets(writer: asyncio.StreamWriter) -> None:
    """End a connection as a program does that is killed."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.close()


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
        resets(writer)

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
        with refusing_host() as nobody:
            async with open_client(f"http://two.example:{httpx2.URL(nobody).port}") as other:
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


@pytest.mark.usefixtures("idle_is_kept")
@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}', True),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n', True),
        (b'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}', True),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n{"a":1}', False),
        (b'HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}', False),
        (b'HTTP/1.1 200 OK\r\n\r\n{"a":1}', False),
    ],
    ids=["length", "chunked", "informational", "close", "http-1.0", "until the end"],
)
def test_a_connection_serves_again_unless_the_server_ends_it(reply: bytes, kept: bool) -> None:
    """However the end of a body is told."""
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(reply)
            if not kept:
                return

    async def ask() -> list[dict[str, object]]:
        async with a_client(serve) as client:
            return [await request_json(client, "/") for _ in range(2)]

    assert asyncio.run(ask()) == [{"a": 1}, {"a": 1}]
    assert len(connections) == (1 if kept else 2)


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{", "peer closed connection"),
        (b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n', "peer closed connection"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "SWITCH"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000, "buffer"),
    ],
    ids=["length", "chunked", "another protocol", "endless headers"],
)
def test_what_breaks_the_protocol_is_told(reply: bytes, says: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)

    async def ask() -> None:
        async with a_client(serve) as client:
            await request_json(client, "/", repeats=False)

    with pytest.raises(ProviderError, match=says):
        asyncio.run(ask())


def test_another_protocol_is_not_spoken() -> None:
    """Not even where a plugin's own request asks for it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n")

    async def ask() -> None:
        async with a_client(serve) as client:
            with pytest.raises(httpx2.RemoteProtocolError, match="another protocol"):
                await client.get("/", headers={"Connection": "upgrade", "Upgrade": "x"})

    asyncio.run(ask())


def test_a_reply_that_nobody_reads_on_ends_its_connection() -> None:
    """So that the server stops writing; the next request has another connection."""
    ended = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nfirst")
        ended.append(await reader.read())

    async def ask() -> None:
        async with a_client(serve) as client:
            async with open_stream(client, "/") as response:
                assert await anext(response.aiter_bytes()) == b"first"
            await until_it_is_there()

    asyncio.run(ask())
    assert ended == [b""]


def test_a_body_that_breaks_off_is_never_taken_for_a_whole_one() -> None:
    """Not even where its end is that of the connection, and nobody had read it yet; what came is read first."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in (b"HTTP/1.0 200 OK\r\n\r\n", b"half"):
            writer.write(piece)
            await until_it_is_there()
        resets(writer)
        broken.set()

    async def ask() -> None:
        async with a_client(serve) as client, open_stream(client, "/") as response:
            await broken.wait()
            await until_it_is_there()
            body = response.aiter_bytes()
            assert await anext(body) == b"half"
            with pytest.raises(httpx2.ReadError):
                await anext(body)

    broken = asyncio.Event()
    asyncio.run(ask())


def test_a_reply_that_another_task_closes_is_not_whole() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\nhalf")
        await reader.read()

    async def ask() -> None:
        async with a_client(serve) as client, client.stream("GET", "/") as response:
            reading = asyncio.ensure_future(response.aread())
            await until_it_is_there()
            await response.stream.aclose()  # type: ignore[union-attr]
            with pytest.raises(httpx2.ReadError):
                await reading

    asyncio.run(ask())


def test_a_connection_whose_request_is_not_all_sent_serves_no_other() -> None:
    """The server has said no to it, and would take the rest of it for the next one."""
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        if b"POST" in head:
            writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}")
            await until_gone.wait()
        writer.write(EMPTY)

    async def ask() -> dict[str, object]:
        async with a_client(serve) as client:
            refused = await client.post("/", content=b"x" * 20_000_000)
            assert refused.status_code == 413
            found = await request_json(client, "/")
            until_gone.set()
            await until_it_is_there()
            return found

    until_gone = asyncio.Event()
    assert asyncio.run(ask()) == {}
    assert len(connections) == 2


def test_what_came_while_the_program_was_busy_is_no_reply() -> None:
    """It lies in the system's buffer, and the event loop has not seen it."""
    connections = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(EMPTY)

    async def ask() -> int:
        async with a_client(serve) as client:
            await client.get("/")
            os.write(
                connections[0].get_extra_info("socket").fileno(), b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n"
            )
            return (await client.get("/")).status_code

    assert asyncio.run(ask()) == 200
    assert len(connections) == 2


def test_a_program_that_is_busy_while_it_connects_takes_no_host_for_a_silent_one() -> None:
    """In whatever moment: another plugin may import what it needs, and the system connects meanwhile."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(EMPTY)

    async def ask() -> None:
        async with a_client(serve) as client:
            for rounds in range(8):
                async with open_client(str(client.base_url)) as other:
                    asking = asyncio.ensure_future(other.get("/", timeout=httpx2.Timeout(None, connect=0.01)))
                    for _ in range(rounds):
                        await asyncio.sleep(0)
                    time.sleep(0.02)  # noqa: ASYNC251 - what this is about
                    assert (await asking).json() == {}

    asyncio.run(ask())


def test_a_host_that_does_not_connect_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the limit of the client."""

    async def never(*_arguments: object, **_options: object) -> None:
        await asyncio.get_running_loop().create_future()

    async def ask() -> None:
        async with open_client("http://127.0.0.1:1") as client:
            await client.get("/", timeout=httpx2.Timeout(None, connect=0.01))

    monkeypatch.setattr("codeconductor.http.connection.start_connection", never)
    with pytest.raises(httpx2.ConnectTimeout):
        asyncio.run(ask())


def test_a_request_that_is_cancelled_while_it_connects_leaves_nothing_open() -> None:
    """In whatever moment, also of a name with two addresses; the server would wait for it."""
    there: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there.add(writer)
        try:
            await reader.read()
        finally:
            there.discard(writer)

    async def two_addresses(_host: str, port: int, **_options: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))] * 2

    async def ask() -> None:
        async with a_client(serve) as client:
            asyncio.get_running_loop().getaddrinfo = two_addresses  # type: ignore[method-assign,assignment]
            for host in (str(client.base_url), f"http://two.example:{client.base_url.port}"):
                for rounds in range(15):
                    async with open_client(host) as other:
                        asking = asyncio.ensure_future(other.get("/"))
                        for _ in range(rounds):
                            await asyncio.sleep(0)
                        asking.cancel()
                        with pytest.raises(asyncio.CancelledError):
                            await asking
                    await until_it_is_there()
            assert there == set()

    gc.disable()  # which would close what was forgotten
    try:
        asyncio.run(ask())
    finally:
        gc.enable()


def test_a_reply_that_ends_after_its_client_was_closed_ends_its_connection() -> None:
    ended: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await closed.wait()
        writer.write(EMPTY)
        ended.append(await reader.read())

    async def ask() -> None:
        async with a_client(serve) as client:
            asking = asyncio.ensure_future(request_json(client, "/"))
            await until_it_is_there()
            await client.aclose()
            closed.set()
            assert await asking == {}
            await until_it_is_there()
            assert ended == [b""]

    closed = asyncio.Event()
    asyncio.run(ask())


def test_idle_connections_are_few_and_young(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twelve that were used at once eight stay; when they have been idle too long, none."""
    connections = []
    ready = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            if len(connections) == 12:
                ready.set()
            await ready.wait()
            writer.write(EMPTY)

    async def twelve(client: httpx2.AsyncClient) -> int:
        before = len(connections)
        await asyncio.gather(*(request_json(client, "/") for _ in range(12)))
        return len(connections) - before

    async def ask() -> list[int]:
        loop = asyncio.get_running_loop()
        now = loop.time()
        monkeypatch.setattr(loop, "time", lambda: now)
        async with a_client(serve) as client:
            opened = [await twelve(client), await twelve(client)]
            now += 3
            return [*opened, await twelve(client)]

    assert asyncio.run(ask()) == [12, 4, 12]


def test_a_header_that_is_none_is_not_sent() -> None:
    """The client's own fault, and told as one."""

    async def serve(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        raise AssertionError("something was sent")

    async def ask() -> None:
        async with a_client(serve) as client:
            with pytest.raises(httpx2.LocalProtocolError):
                await client.get("/", headers={"X": "two\nlines"})

    asyncio.run(ask())


def test_a_client_of_a_plain_host_reaches_no_other_kind() -> None:
    """It would send over the network what must be encrypted."""

    async def ask() -> None:
        async with open_client("http://127.0.0.1:9") as client:
            with pytest.raises(httpx2.UnsupportedProtocol, match="https://example"):
                await client.get("https://example")

    asyncio.run(ask())


def test_a_recorder_knows_the_client(tmp_path: Path) -> None:
    """Plugins' tests play recordings (vcrpy): what is asked is recorded, and then answered with no server."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{"a":1}')

    async def ask() -> list[dict[str, object]]:
        async with a_client(serve) as client:
            with vcr.use_cassette(str(tmp_path / "one.yaml")):
                first = await request_json(client, "/")
        with vcr.use_cassette(str(tmp_path / "one.yaml"), record_mode="none"):
            async with open_client(str(client.base_url)) as other:
                return [first, await request_json(other, "/")]

    assert asyncio.run(ask()) == [{"a": 1}, {"a": 1}]
