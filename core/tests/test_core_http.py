"""HTTP to model servers: clients, lines, events, and what went wrong in the contract's words."""

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
from codeconductor.http import (
    checked,
    fault_in_reply,
    fault_of_status,
    http_faults,
    is_loopback,
    json_lines,
    lines,
    open_client,
    request_json,
    server_events,
    whole_body,
)
from codeconductor.http.faults import retry_after
from codeconductor.testing.servers import ScriptedOpenAI, cut, dies_idle, held_until, only_first, overloaded
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable


class Pieces(httpx2.AsyncByteStream):
    """A body that arrives in just these network pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = list(pieces)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def a_response(*pieces: bytes, status: int = 200) -> httpx2.Response:
    request = httpx2.Request("GET", "http://127.0.0.1:1/x")
    return httpx2.Response(status, stream=Pieces(pieces), request=request)


def lines_of(*pieces: bytes, limit: int = 1000) -> list[str]:
    async def read() -> list[str]:
        return [line async for line in lines(a_response(*pieces), limit=limit)]

    return asyncio.run(read())


def events_of(*pieces: bytes, limit: int = 1000) -> list[tuple[str, str]]:
    async def read() -> list[tuple[str, str]]:
        return [event async for event in server_events(a_response(*pieces), limit=limit)]

    return asyncio.run(read())


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


# Lines and events


def test_a_character_cut_between_two_network_pieces_arrives_whole() -> None:
    """Whole lines are decoded, never pieces."""
    smile = "a😀b\n".encode()
    assert lines_of(smile[:2], smile[2:4], smile[4:]) == ["a😀b"]


def test_only_line_feeds_end_a_line() -> None:
    """U+2028, U+2029, U+0085 and form feeds stand raw in JSON strings and must not tear them."""
    text = '{"a": "x\u2028y\u2029z\x85\x0c\x0b"}'
    assert lines_of(f"{text}\r\n{text}".encode()) == [text, text]


@pytest.mark.parametrize("pieces", [(b"x" * 12,), (b"x" * 6, b"x" * 6), (b"x" * 12 + b"\n",), (b"ok\n" + b"x" * 12,)])
def test_a_line_that_is_too_long_is_a_fault_of_the_protocol(pieces: tuple[bytes, ...]) -> None:
    """Memory is bounded, whether or not the line ever ends."""
    with pytest.raises(ProviderError, match="more than 10 bytes") as raised:
        lines_of(*pieces, limit=10)
    assert raised.value.kind == "protocol"


def test_bytes_that_are_no_utf8_are_a_fault_of_the_protocol() -> None:
    """Nothing is guessed: a replaced character in code would be another program."""
    with pytest.raises(ProviderError, match="not UTF-8") as raised:
        lines_of(b"caf\xe9\n")
    assert raised.value.kind == "protocol"


@given(st.lists(st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]))), st.data())
@settings(max_examples=60, deadline=None)
def test_the_lines_are_the_same_however_the_network_cuts_them(texts: list[str], data: st.DataObject) -> None:
    """Where one piece ends and the next begins changes nothing."""
    body = "".join(f"{text}\n" for text in texts).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=5)))
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert lines_of(*pieces, limit=10**6) == texts


def test_events_are_read_leniently() -> None:
    """Comments, a missing blank, other fields, CRLF, several data lines and a missing last blank line are all fine."""
    body = b': keep-alive\n\nid: 7\nretry: 10\ndata:{"a":1}\r\n\r\nevent: error\ndata: x\ndata: y\n\n\n\ndata: [DONE]'
    assert events_of(body) == [("", '{"a":1}'), ("error", "x\ny"), ("", "[DONE]")]


def test_a_bare_error_line_is_an_error_event() -> None:
    """llama.cpp wrote errors so until September 2025."""
    assert events_of(b'data: {}\n\nerror: {"code":500}\n\ndata: [DONE]\n\n') == [
        ("", "{}"),
        ("error", '{"code":500}'),
        ("", "[DONE]"),
    ]


def test_an_event_that_never_ends_is_a_fault_of_the_protocol() -> None:
    """Lines of data without a blank line between them do not fill the memory."""
    with pytest.raises(ProviderError, match="an event of more than 20") as raised:
        events_of(b"data: 0123456789\n" * 3, limit=20)
    assert raised.value.kind == "protocol"


def test_a_line_that_is_no_json_object_is_a_fault_of_the_protocol() -> None:
    """Blank lines are passed over, and the first line that is no object is named."""

    async def read(body: bytes) -> list[dict[str, Any]]:
        return [data async for data in json_lines(a_response(body))]

    assert asyncio.run(read(b'{"a":1}\n\n{"b":2}\n')) == [{"a": 1}, {"b": 2}]
    assert asyncio.run(read(b'{"a":"}{"}{"b":2} {"c":3}\n')) == [{"a": "}{"}, {"b": 2}, {"c": 3}]
    for broken in (b"[1]\n", b"{\n", b"<html>\n", b"[" * 5000, b'{"a":1}}{\n', b'{"a":{"b"}{\n'):
        with pytest.raises(ProviderError, match="no JSON") as raised:
            asyncio.run(read(broken))
        assert raised.value.kind == "protocol"


def test_a_whole_body_is_bounded_and_utf8() -> None:
    """A reply in one piece has the same two promises as a line."""
    assert asyncio.run(whole_body(a_response("grüß".encode()[:3], "grüß".encode()[3:]))) == "grüß"
    for pieces in ((b"x" * 6, b"x" * 6), (b"\xff",)):
        with pytest.raises(ProviderError) as raised:
            asyncio.run(whole_body(a_response(*pieces), limit=10))
        assert raised.value.kind == "protocol"


# What a server tells of a failure


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, '{"error": "no"}', "refused"),
        (401, '{"error": {"message": "no key", "code": "invalid_api_key"}}', "refused"),
        (404, '{"error": {"message": "model \'long-context-length\' not found"}}', "refused"),
        (429, "", "overloaded"),
        (503, '{"error": "server busy"}', "overloaded"),
        (500, "boom", "server"),
        (502, "<html><h1>Bad Gateway</h1></html>", "server"),
        (302, "", "protocol"),
        (400, '{"error": {"message": "x", "type": "exceed_context_size_error", "n_ctx": 8192}}', "context_overflow"),
        (400, '{"error": {"message": "too long", "code": "context_length_exceeded"}}', "context_overflow"),
        (500, '{"error": {"code": 500, "message": "Context size has been exceeded."}}', "context_overflow"),
        (400, "Trying to keep the first 9 tokens when context the overflows", "context_overflow"),
        (400, "The decoder prompt (length 9) is longer than the maximum model length of 8.", "context_overflow"),
        (400, "The input (9 tokens) is longer than the model's context length (8 tokens).", "context_overflow"),
        (400, "Requested tokens (9) exceed context window of 8", "context_overflow"),
        (400, "Input length (9 tokens) exceeds the maximum allowed length (8 tokens).", "context_overflow"),
        (400, "Prompt length 9 is greater than max_seq_len 8", "context_overflow"),
        (400, '{"error": {"message": "prompt too long; exceeded by 1 token"}}', "context_overflow"),
        (422, '{"error": "`inputs` tokens + `max_new_tokens` must be <= 8. Given: 9"}', "context_overflow"),
        (400, "This model's maximum number of choices is 1", "refused"),
        (400, '{"error": "Failed to load model: context length 131072 needs more memory"}', "refused"),
        (422, '{"detail": [{"msg": "field required", "input": "what is a context window size?"}]}', "refused"),
    ],
)
def test_a_status_and_its_body_tell_the_kind_of_a_failure(status: int, body: str, kind: str) -> None:
    """The contract's kinds; a prompt that is too long is told apart from every other refusal."""
    assert fault_of_status(status, body, "http://h/v1").kind == kind


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": "plain"}', "plain"),
        ('{"error": {"message": "inner"}}', "inner"),
        ('{"error": {"type": "only_a_type"}}', "only_a_type"),
        ('{"object": "error", "message": "at the top"}', "at the top"),
        ('{"detail": "fastapi"}', "fastapi"),
        ('{"detail": [{"loc": ["body"], "msg": "one"}, {"msg": "two"}]}', "one; two"),
        ("<html><body><h1>502</h1>\n bad\x1b[31m gateway</body></html>", "502 bad [31m gateway"),
        ('"quoted"', "quoted"),
    ],
)
def test_the_servers_own_words_are_found_in_every_form(body: str, words: str) -> None:
    """Text, object, top level, FastAPI's list or a proxy's page: one line of words, nothing that a terminal obeys."""
    assert fault_of_status(500, body, "http://h/v1").message == f"HTTP 500 from http://h/v1: {words}"


def test_a_body_of_nothing_that_can_be_shown_is_left_out() -> None:
    """Zeros, as the beginning of a compressed reply that is all zeros."""
    assert fault_of_status(500, "\0" * 65536, "http://h/v1").message == "HTTP 500 from http://h/v1"


def test_a_servers_words_are_cut() -> None:
    """A message is a line, not a page."""
    assert len(fault_of_status(500, "x" * 10_000, "http://h").message) < 300


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"error": "boom"}, "server"),
        ({"error": {"message": "boom", "code": 400}}, "server"),
        ({"object": "error", "message": "boom", "code": 400}, "server"),
        ({"error": {"message": "slow down", "code": 429}}, "overloaded"),
        ({"error": {"message": "Input does not fit in context length."}}, "context_overflow"),
        ({"error": {"message": "x", "type": "exceed_context_size_error"}}, "context_overflow"),
        ({"error": "Unexpected endpoint or method. (GET /x)"}, "protocol"),
        ({"error": None, "choices": []}, None),
        ({"choices": []}, None),
        ([], None),
    ],
)
def test_an_error_in_a_reply_of_success_has_a_kind_of_its_own(data: object, kind: str | None) -> None:
    """The status said 200 already, so an error frame is the server's fault unless its words tell more."""
    fault = fault_in_reply(data, "http://h")
    assert (fault.kind if fault else None) == kind


def test_a_failure_is_read_no_further_than_its_beginning() -> None:
    """An endless error page ends."""

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 1024

    class Endless(httpx2.AsyncByteStream):
        def __aiter__(self) -> AsyncIterator[bytes]:
            return endless()

    response = httpx2.Response(500, stream=Endless(), request=httpx2.Request("GET", "http://127.0.0.1:1/x"))
    with pytest.raises(ProviderError, match="HTTP 500"):
        asyncio.run(checked(response))


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


# What is tried again, and how long


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


def test_https_to_a_server_without_tls_is_no_server_that_must_be_started() -> None:
    """It is running; the address is wrong."""
    with ScriptedOpenAI("m") as server, pytest.raises(ProviderError) as raised:
        asyncio.run(_listed(server.host.replace("http:", "https:")))
    assert raised.value.kind == "unreachable"
    assert raised.value.hint is not None
    assert raised.value.hint.startswith("write http://")


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


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("12", 12.0),
        (" 0 ", 0.0),
        ("1.5", 1.5),
        ("1e9", None),
        ("inf", None),
        ("soon", None),
        ("-3", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Wed, 99 Oct 2015 07:28:00 GMT", None),
    ],
)
def test_a_retry_after_has_seconds_or_a_date(header: str | None, seconds: float | None) -> None:
    """What is neither says nothing; a date that has passed is now."""
    assert retry_after(header) == seconds


def test_a_full_queue_is_an_overload_whatever_its_status() -> None:
    """A proxy may pass it on with the status of a success."""
    fault = fault_in_reply({"error": "server busy, please try again.  maximum pending requests exceeded"}, "http://h")
    assert fault is not None
    assert fault.kind == "overloaded"


def test_a_proxy_that_takes_no_more_bytes_is_told_by_what_to_do() -> None:
    """The prompt is too long for it, and not for the model."""
    fault = fault_of_status(413, "<h1>413 Request Entity Too Large</h1>", "http://h/x", hint="is this a server?")
    assert fault.kind == "refused"
    assert fault.hint is not None
    assert "shorten" in fault.hint
    assert "proxy" in fault.hint


def test_a_byte_order_mark_is_no_part_of_a_body() -> None:
    """Neither of a stream of lines nor of a whole one; within a line it stays."""
    assert lines_of("\ufeffa\n\ufeffb".encode()) == ["a", "\ufeffb"]
    assert asyncio.run(whole_body(a_response('\ufeff{"a": 1}'.encode()))) == '{"a": 1}'


def test_a_failure_has_its_status_and_when_to_ask_again() -> None:
    """For those who decide by them; a date lies in the future by the server's clock."""
    for code, kind in ((429, "overloaded"), (503, "overloaded"), (418, "refused"), (599, "server")):
        for as_date in (False, True):
            fault = overloaded(code, 90, as_date=as_date)
            with ScriptedOpenAI("m", faults={"*": fault}) as server, pytest.raises(ProviderError) as raised:
                asyncio.run(_listed(server.host))
            assert (raised.value.kind, raised.value.status) == (kind, code)
            assert raised.value.retry_after is not None
            assert 80 < raised.value.retry_after <= 91


async def _listed(host: str) -> dict[str, Any]:
    async with open_client(host) as client:
        return await request_json(client, "/v1/models")
