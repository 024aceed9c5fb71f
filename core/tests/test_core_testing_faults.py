"""Faults of connections, streams and transfers, on every dialect: what a client meets, byte by byte."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.http import open_client
from codeconductor.testing.servers import (
    ScriptedLMStudio,
    ScriptedModel,
    ScriptedOllama,
    ScriptedOpenAI,
    answered_by,
    chunked,
    combined,
    cut,
    dies,
    dies_idle,
    endless,
    gzipped,
    huge_frame,
    rechunked,
    with_length,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor.testing.servers import Exchange, Fault, Frame

LISTS = {ScriptedOllama: "/api/tags", ScriptedLMStudio: "/api/v1/models", ScriptedOpenAI: "/v1/models"}
KINDS = pytest.mark.parametrize("kind", list(LISTS), ids=lambda kind: kind.__name__)
GONE = {"RemoteProtocolError", "ReadError"}


def model(fault: Fault | None = None, name: str = "m") -> ScriptedModel:
    return ScriptedModel(name=name, reply="Grüße, 世界!", chunk=3, fault=fault)


# Connections


@KINDS
def test_a_connection_can_end_before_a_single_byte(kind: Any, wire: Any) -> None:
    """Closed in the place of headers."""
    with kind(model(cut(None))) as server:
        reply = wire.chat(server)
    assert (reply.status, reply.body, reply.error) == (0, b"", "RemoteProtocolError")


@KINDS
def test_a_server_dies_when_it_is_asked(kind: Any, wire: Any) -> None:
    """No byte of a reply, and nobody listens any more, while the port stays taken."""
    with kind(model(dies())) as server:
        assert wire.get(server, LISTS[kind]).status == 200
        first, second = (wire.chat(server) for _ in range(2))
        assert first.error in GONE
        assert second.error == "ConnectError"
        server.wait_until(lambda: [request.outcome for request in server.requests] == ["answered", "broken"])


@KINDS
def test_a_server_dies_between_its_lists_and_the_first_question(kind: Any, wire: Any) -> None:
    """The lists are complete, whichever comes last, and the question meets a closed port."""
    gone = dies(after=2)
    with kind(model(), faults={LISTS[kind]: gone, "/": gone}) as server:
        lists = [wire.get(server, path) for path in ("/", LISTS[kind])]
        assert [reply.error for reply in lists] == [None, None]
        assert lists[1].json
        assert wire.chat(server).error == "ConnectError"
        server.wait_until(lambda: [request.outcome for request in server.requests] == ["answered", "answered"])


@KINDS
def test_a_server_lets_nobody_in_when_its_last_reply_is_sent(kind: Any, wire: Any) -> None:
    """However fast a client is that has read the last byte."""
    refused = []

    async def hasty(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in dies(after=1)(exchange, frames):
            yield frame
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(*exchange.server.host.removeprefix("http://").split(":"))
            refused.append(frame.kind)

    with kind(model(), faults={LISTS[kind]: hasty}) as server:
        assert wire.get(server, LISTS[kind]).json
    assert refused == ["whole"]


@KINDS
def test_a_server_dies_when_all_of_its_last_replies_are_complete(kind: Any, wire: Any) -> None:
    """Not when the first of two that end together is."""
    gone = dies(after=2)

    async def together(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in gone(exchange, frames):
            await both.wait()
            if exchange.request.path != "/":
                await server.until(lambda: all(request.ended for request in server.asked("/")))
            yield frame

    async def ask() -> list[Any]:
        async with open_client(server.host) as client:
            return await asyncio.gather(*(wire.send(client, "GET", path) for path in ("/", LISTS[kind])))

    both = asyncio.Barrier(2)
    with kind(model(), faults={LISTS[kind]: together, "/": together}) as server:
        assert [reply.error for reply in asyncio.run(ask())] == [None, None]


@KINDS
def test_a_dying_server_breaks_off_what_is_under_way(kind: Any, wire: Any) -> None:
    """An answer that goes on elsewhere ends too, and is not taken for one that its client gave up."""
    with kind(model(endless(3600)), model(dies(), name="deadly")) as server:

        async def ask() -> tuple[Any, Any]:
            async with open_client(server.host) as client:
                endless_one = asyncio.ensure_future(wire.send(client, *wire.question(server)))
                await asyncio.to_thread(server.wait_until, lambda: bool(server.requests))
                return await wire.send(client, *wire.question(server, "deadly")), await endless_one

        assert {reply.error for reply in asyncio.run(ask())} <= GONE
        server.wait_until(lambda: [request.outcome for request in server.requests] == ["broken", "broken"])


@pytest.mark.usefixtures("idle_is_kept")
@KINDS
def test_an_idle_connection_is_found_closed(kind: Any, wire: Any) -> None:
    """The first request of each connection is answered; a second one gets no byte, and a new connection works."""
    with kind(model(), faults={"*": dies_idle()}) as server:
        questions = [("GET", LISTS[kind]), wire.question(server), wire.question(server)]
        replies = asyncio.run(wire.ask(server.host, *questions))
        assert [reply.error for reply in replies] == [None, "RemoteProtocolError", None]
        assert [request.turn for request in server.requests] == [0, 1, 0]


# Streams


@KINDS
@pytest.mark.parametrize("reasoning", [False, True])
def test_an_answer_without_end_goes_on_until_the_client_leaves(kind: Any, reasoning: bool, wire: Any) -> None:
    """The same piece again and again; that the client went away is recorded."""
    with kind(model(endless(0, "so ", reasoning=reasoning))) as server:

        async def ask() -> bytes:
            method, path, body = wire.question(server)
            arrived = b""
            async with open_client(server.host) as client, client.stream(method, path, json=body) as response:
                async for piece in response.aiter_raw():
                    arrived += piece
                    if arrived.count(b"so ") > 1000:
                        break
            return arrived

        arrived = asyncio.run(ask())
        server.wait_until(lambda: len(server.cancelled(server.requests[0].path, "m")) == 1)
    assert (b'"reasoning_content":"so "' in arrived or b'"thinking":"so "' in arrived) == reasoning


@KINDS
def test_a_huge_frame_is_made_while_it_is_sent(kind: Any, wire: Any) -> None:
    """One line of any size, of which the server has no more than a piece in memory; the answer goes on after it."""
    pieces = []

    async def watched(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in frames:
            pieces.append(len(frame.data))
            yield frame

    huge = combined(huge_frame(3_000_000), watched)
    with kind(model(huge), faults={LISTS[kind]: huge}) as server:
        assert wire.chat(server).text == "x" * 3_000_000 + "Grüße, 世界!"
        listed = wire.get(server, LISTS[kind])
    assert max(pieces) < 100_000
    assert len(listed.body) > 3_000_000
    assert int(listed.headers["content-length"]) == len(listed.body)
    assert '"m"' in listed.body.decode()


@KINDS
@pytest.mark.parametrize("stream", [True, False])
def test_another_model_than_the_one_that_was_asked_can_answer(kind: Any, stream: bool, wire: Any) -> None:
    """The reply names it, from the first frame to the last."""
    with kind(model(answered_by("stranger:7b"))) as server:
        reply = wire.chat(server, stream=stream)
    assert {one["model"] for one in reply.objects} == {"stranger:7b"}
    assert reply.error is None


# Transfers


@KINDS
def test_characters_are_split_between_network_chunks(kind: Any, wire: Any) -> None:
    """One byte at a time, and nothing is lost."""
    with kind(model(rechunked(1))) as server:
        reply = wire.chat(server)
    assert {len(chunk) for chunk in reply.chunks} == {1}
    assert reply.text == "Grüße, 世界!"


@KINDS
def test_several_frames_come_in_one_network_chunk(kind: Any, wire: Any) -> None:
    """A stream of many frames, and a single chunk."""
    with kind(model(rechunked(1_000_000)), model(name="plain")) as server:
        together, plain = wire.chat(server), wire.chat(server, "plain")
    assert len(together.chunks) == 1
    assert len(plain.chunks) > 4
    assert together.text == plain.text


@KINDS
def test_a_stream_can_have_a_length_and_a_list_chunks(kind: Any, wire: Any) -> None:
    """HTTP has two ways to send a body; each is used where the server would use the other."""
    with kind(model(with_length()), faults={LISTS[kind]: chunked()}) as server:
        stream, listed = wire.chat(server), wire.get(server, LISTS[kind])
    assert int(stream.headers["content-length"]) == len(stream.body)
    assert stream.text == "Grüße, 世界!"
    assert listed.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in listed.headers
    assert '"m"' in listed.body.decode()


@KINDS
def test_a_length_that_is_announced_can_be_missed(kind: Any, wire: Any) -> None:
    """Faults can be joined: the stream has a length, and is cut before it."""
    with kind(model(combined(with_length(), cut(50)))) as server:
        reply = wire.chat(server)
    assert (len(reply.body), reply.error) == (50, "RemoteProtocolError")
    assert int(reply.headers["content-length"]) > 50


@KINDS
def test_a_reply_is_compressed_though_nobody_asked_for_it(kind: Any, wire: Any) -> None:
    """Streams frame by frame, lists as well."""
    with kind(model(gzipped()), model(name="plain"), faults={LISTS[kind]: gzipped()}) as server:
        packed, plain, listed = wire.chat(server), wire.chat(server, "plain"), wire.get(server, LISTS[kind])
        assert server.requests[0].headers["accept-encoding"] == "identity"
    assert packed.headers["content-encoding"] == listed.headers["content-encoding"] == "gzip"
    assert len(packed.chunks) > 4
    assert gzip.decompress(packed.body).count(b"\n") == plain.body.count(b"\n")
    assert b'"m"' in gzip.decompress(listed.body)
