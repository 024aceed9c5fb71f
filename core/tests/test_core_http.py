"""The connection to a model server: which is opened, how it fails, and what is sent a second time."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from codeconductor import ProviderError
from codeconductor.http import http_faults, is_loopback, open_client, request_json
from codeconductor.testing.servers import ScriptedOpenAI, cut, dies_idle, held_until, only_first

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def a_server(reply: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A loopback server that answers every request with these bytes and closes; (address, request heads)."""
    heads: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()
        await server.wait_closed()


def http(body: bytes, *, status: str = "200 OK", kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


# The connection


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_refused_connection_is_unreachable_and_says_what_to_do(name: str) -> None:
    """The system's own words, whichever addresses a name has."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        host = f"http://{name}:{bound.getsockname()[1]}"

        async def ask() -> None:
            async with open_client(host) as client:
                await request_json(client, "/v1/models", hint="start it")

        with pytest.raises(ProviderError, match="connection refused") as raised:
            asyncio.run(ask())
    assert raised.value.kind == "unreachable"
    assert raised.value.hint == "start it"


def test_a_name_that_does_not_exist_is_unreachable() -> None:
    """A spelling mistake in a host is no fault of the protocol."""
    with pytest.raises(ProviderError) as raised, http_faults("http://nowhere.invalid"):
        raise httpx2.ConnectError("all connection attempts failed") from OSError(-2, "Name or service not known")
    assert raised.value.kind == "unreachable"
    assert "name or service not known" in raised.value.message


@pytest.mark.parametrize("host", ["192.168..5", "a" * 64 + ".example"])
def test_a_host_that_can_be_none_is_unreachable(host: str) -> None:
    """A slip in an address is told like a server that is not there."""

    async def ask() -> None:
        async with open_client(f"http://{host}:1234") as client:
            await request_json(client, "/")

    with pytest.raises(ProviderError, match="there can be no such address") as raised:
        asyncio.run(ask())
    assert raised.value.kind == "unreachable"


def test_https_to_a_server_without_tls_is_no_server_that_must_be_started() -> None:
    """It is running; the address is wrong."""
    with ScriptedOpenAI("m") as server, pytest.raises(ProviderError) as raised:
        asyncio.run(_listed(server.host.replace("http:", "https:")))
    assert raised.value.kind == "unreachable"
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("write http://")


@pytest.mark.parametrize("reply", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"garbage\r\n\r\n"])
def test_a_reply_that_breaks_off_is_a_fault_of_the_protocol(reply: bytes) -> None:
    """Closed before the status, within the body, or no HTTP at all."""

    async def ask() -> None:
        async with a_server(reply) as (host, _), open_client(host) as client:
            await request_json(client, "/v1/models")

    with pytest.raises(ProviderError) as raised:
        asyncio.run(ask())
    assert raised.value.kind == "protocol"


def test_a_redirect_is_not_followed() -> None:
    """Neither a prompt nor a key goes to an address that the user did not configure."""
    elsewhere = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"

    async def ask() -> list[bytes]:
        async with a_server(elsewhere) as (host, heads), open_client(host) as client:
            with pytest.raises(ProviderError, match="redirects are not followed") as raised:
                await request_json(client, "/v1/models", body={"a": 1})
            assert raised.value.kind == "protocol"
        return heads

    assert len(asyncio.run(ask())) == 1


def test_a_proxy_in_the_environment_is_not_used_for_a_plain_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback traffic stays on the machine, whatever HTTP_PROXY says."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)

    async def ask() -> dict[str, Any]:
        async with a_server(http(b'{"a":1}')) as (host, _), open_client(host) as client:
            return await request_json(client, "/v1/models")

    assert asyncio.run(ask()) == {"a": 1}


def test_one_request_gives_one_json_object() -> None:
    """GET without a body, POST with one; the key of a client goes along."""

    async def ask() -> list[bytes]:
        async with (
            a_server(http(json.dumps({"ok": True}).encode())) as (host, heads),
            open_client(host, headers={"authorization": "Bearer k"}) as client,
        ):
            assert await request_json(client, "/x") == {"ok": True}
            assert await request_json(client, "/x", body={}) == {"ok": True}
        return heads

    get, post = asyncio.run(ask())
    assert get.startswith(b"GET /x HTTP/1.1\r\n")
    assert post.startswith(b"POST /x HTTP/1.1\r\n")
    assert b"authorization: bearer k\r\n" in get.lower()
    assert b"accept-encoding: identity\r\n" in get.lower()


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("http://127.0.0.1:1234", True),
        ("http://127.9.9.9", True),
        ("http://[::1]:80", True),
        ("http://localhost:1", True),
        ("http://a.localhost", True),
        ("http://127.0.0.1.example.org", False),
        ("http://localhost.example.org", False),
        ("http://192.168.0.2", False),
        ("http://0.0.0.0:1", False),
        ("", False),
    ],
)
def test_only_addresses_of_this_machine_are_loopback(host: str, local: bool) -> None:
    """A name that merely begins like one is not."""
    assert is_loopback(host) is local


# What is sent a second time


@pytest.mark.parametrize("after", [None, 0])
def test_a_connection_that_dies_before_a_byte_is_tried_once_more(after: int | None) -> None:
    """As an idle one does that the server had closed; one that has begun to answer is not."""
    with ScriptedOpenAI("m", faults={"/v1/models": only_first(1, cut(after))}) as server:

        async def ask() -> dict[str, Any]:
            async with open_client(server.host) as client:
                return await request_json(client, "/v1/models")

        if after is None:
            assert asyncio.run(ask())["data"]
            assert len(server.asked("/v1/models")) == 2
        else:
            with pytest.raises(ProviderError) as raised:
                asyncio.run(ask())
            assert (raised.value.kind, len(server.asked("/v1/models"))) == ("protocol", 1)


@pytest.mark.usefixtures("idle_is_kept")
def test_the_second_try_has_a_connection_of_its_own() -> None:
    """Another idle one may be as dead as the first; here both are that two lists have left behind."""
    faults = {"/v1/models": held_until(2), "/v1/chat/completions": dies_idle()}
    with ScriptedOpenAI("m", faults=faults) as server:

        async def ask() -> dict[str, Any]:
            async with open_client(server.host, headers={"x-who": "me"}) as client:
                await asyncio.gather(*(request_json(client, "/v1/models") for _ in range(2)))
                return await request_json(client, "/v1/chat/completions", body={"model": "m", "messages": []})

        assert asyncio.run(ask())["choices"]
        assert [request.headers["x-who"] for request in server.asked("/v1/chat/completions")] == ["me", "me"]


def test_a_request_that_must_not_be_sent_twice_is_not() -> None:
    """A load that was begun would be begun a second time."""
    with ScriptedOpenAI("m", faults={"/v1/models": cut(None)}) as server:

        async def ask() -> None:
            async with open_client(server.host) as client:
                await request_json(client, "/v1/models", repeats=False)

        with pytest.raises(ProviderError) as raised:
            asyncio.run(ask())
        assert (raised.value.kind, len(server.asked("/v1/models"))) == ("protocol", 1)


@pytest.mark.usefixtures("idle_is_kept")
@pytest.mark.parametrize("begun", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Ty"])
@pytest.mark.parametrize("is_reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("is_reused", [False, True], ids=["new", "reused"])
def test_a_reply_that_breaks_off_within_its_headers_is_not_asked_for_again(
    begun: bytes, is_reset: bool, is_reused: bool
) -> None:
    """The server has begun to answer; only where not a single byte came is the request sent once more."""
    asked: list[bytes] = []

    async def break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_reused:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(begun)
        await writer.drain()
        if is_reset:
            received.set()
            await sent.wait()
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()

    received, sent = asyncio.Event(), asyncio.Event()

    async def ask() -> None:
        async with await asyncio.start_server(break_off, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with open_client(f"http://127.0.0.1:{port}") as client:
                if is_reused:
                    await request_json(client, "/v1/models")
                asking = asyncio.create_task(request_json(client, "/v1/models"))
                if is_reset:  # a reset throws away what the client has not read yet
                    await received.wait()
                    asyncio.get_running_loop().call_later(0.05, sent.set)
                await asking

    with pytest.raises(ProviderError) as raised:
        asyncio.run(ask())
    assert (raised.value.kind, len(asked)) == ("protocol", 1)
    assert "without sending a response" not in raised.value.message


def test_what_is_no_http_is_not_tried_again() -> None:
    """It did answer."""
    asked = []

    async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        writer.close()

    async def ask() -> None:
        async with await asyncio.start_server(shout, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with open_client(f"http://127.0.0.1:{port}") as client:
                await request_json(client, "/v1/models")

    with pytest.raises(ProviderError) as raised:
        asyncio.run(ask())
    assert (raised.value.kind, len(asked)) == ("protocol", 1)


async def _listed(host: str) -> dict[str, Any]:
    async with open_client(host) as client:
        return await request_json(client, "/v1/models")
