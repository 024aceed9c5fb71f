"""Every fault of the scripted servers, on every dialect: what a client meets, byte by byte."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.http import open_client
from codeconductor.testing.servers import (
    FAULTS,
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
    failed,
    gzipped,
    huge_frame,
    only_first,
    overflowed,
    overloaded,
    rechunked,
    redirected,
    removed,
    status,
    unloaded,
    with_length,
)
from codeconductor.testing.servers.__main__ import main, read_fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor.testing.servers import Exchange, Fault, Frame

LISTS = {ScriptedOllama: "/api/tags", ScriptedLMStudio: "/api/v1/models", ScriptedOpenAI: "/v1/models"}
KINDS = pytest.mark.parametrize("kind", list(LISTS), ids=lambda kind: kind.__name__)
GONE = {"RemoteProtocolError", "ReadError"}


def model(fault: Fault | None = None, **fields: Any) -> ScriptedModel:
    return ScriptedModel(**({"name": "m", "reply": "Grüße, 世界!", "chunk": 3, "fault": fault} | fields))


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


@KINDS
def test_an_idle_connection_is_found_closed(kind: Any, wire: Any) -> None:
    """The first request of each connection is answered; a second one gets no byte, and a new connection works."""
    with kind(model(), faults={"*": dies_idle()}) as server:
        questions = [("GET", LISTS[kind]), wire.question(server), wire.question(server)]
        replies = asyncio.run(wire.ask(server.host, *questions))
        assert [reply.error for reply in replies] == [None, "RemoteProtocolError", None]
        assert [request.turn for request in server.requests] == [0, 1, 0]


# Refusals


@KINDS
@pytest.mark.parametrize("code", [400, 404, 429, 499, 500, 503])
def test_a_refusal_has_the_servers_own_form(kind: Any, code: int, wire: Any) -> None:
    """Ollama's error is a text, that of the others an object."""
    with kind(model(failed(code, "no such luck"))) as server:
        reply = wire.chat(server)
    assert (reply.status, reply.headers["content-type"]) == (code, "application/json")
    assert (reply.json["error"] if kind is ScriptedOllama else reply.json["error"]["message"]) == "no such luck"


@KINDS
def test_a_busy_server_says_when_to_come_again(kind: Any, wire: Any) -> None:
    """Not at all, in seconds, or as a date that is never too early."""
    faults = {"none": overloaded(), "seconds": overloaded(429, 7), "date": overloaded(503, 7, as_date=True)}
    with kind(*(model(fault, name=name) for name, fault in faults.items())) as server:
        before = datetime.now(UTC)
        none, seconds, date = (wire.chat(server, name) for name in faults)
        after = datetime.now(UTC)
    assert [reply.status for reply in (none, seconds, date)] == [503, 429, 503]
    assert "retry-after" not in none.headers
    assert seconds.headers["retry-after"] == "7"
    then = parsedate_to_datetime(date.headers["retry-after"])
    assert before + timedelta(seconds=7) <= then <= after + timedelta(seconds=8)
    assert kind.busy in none.body.decode()


@KINDS
def test_a_redirect_names_the_same_path_of_another_host(kind: Any, wire: Any) -> None:
    """Whether it is followed can be seen on the other host."""
    with kind(model()) as other, kind(model(redirected(f"{other.host}/"))) as server:
        reply = wire.chat(server)
        assert (reply.status, reply.headers["location"]) == (307, other.host + server.requests[0].path)
        assert other.requests == []


def test_a_status_takes_headers(wire: Any) -> None:
    """As many as are given, beside or in the place of the server's own."""
    fault = status(429, headers={"retry-after": "1", "x-powered-by": "Hope"})
    with ScriptedLMStudio(model(fault)) as server:
        reply = wire.chat(server)
    assert (reply.headers["retry-after"], reply.headers["x-powered-by"], reply.body) == ("1", "Hope", b"")


OVERFLOWS = [
    (ScriptedOllama(model(overflowed(20, 10))), 400, "request (20 tokens) exceeds the available context size (10"),
    (ScriptedLMStudio(model(overflowed(20, 10))), 200, "The input has 20 tokens, but the context length only supp"),
    (ScriptedLMStudio(model(overflowed(20, 10)), native="v0"), 400, "context length of only 10 tokens"),
    (ScriptedOpenAI(model(overflowed(20, 10))), 400, '"code":"context_length_exceeded"'),
    (ScriptedOpenAI(model(overflowed(20, 10)), flavour="llama.cpp"), 400, '"n_prompt_tokens":20,"n_ctx":10'),
    (ScriptedOpenAI(model(overflowed(20, 10)), flavour="vllm"), 400, "However, you requested 20 tokens in the mess"),
]


@pytest.mark.parametrize(("server", "code", "words"), OVERFLOWS, ids=lambda value: type(value).__name__)
def test_a_prompt_that_does_not_fit_is_refused_in_each_servers_words(
    server: Any, code: int, words: str, wire: Any
) -> None:
    """LM Studio since 0.4 has an event with status 200 in a stream, the others a status."""
    with server:
        reply = wire.chat(server)
    assert reply.status == code
    assert words in reply.body.decode()


@KINDS
def test_a_model_that_left_memory_is_loaded_once_more(kind: Any, wire: Any) -> None:
    """By a question, on demand."""
    with kind(model(unloaded())) as server:
        assert wire.chat(server).text == "Grüße, 世界!"
        assert [(load.model, load.on_demand) for load in server.loads] == [("m", True)]
        assert server.loaded == {"m"}


def test_a_model_that_left_memory_is_refused_where_the_server_loads_none_on_demand(wire: Any) -> None:
    """LM Studio without loading on demand says so; llama.cpp is busy with loading, and answers later."""
    with ScriptedLMStudio(model(unloaded()), jit=False) as server:
        reply = wire.chat(server)
        assert (reply.status, b"No models loaded." in reply.body) == (400, True)
    with ScriptedOpenAI(model(only_first(1, unloaded())), flavour="llama.cpp") as server:
        reply = wire.chat(server)
        assert (reply.status, b"Loading model" in reply.body) == (503, True)
        server.wait_until(lambda: server.loaded == {"m"})
        assert wire.chat(server).text == "Grüße, 世界!"


@KINDS
def test_a_model_can_leave_memory_in_the_middle_of_its_answer(kind: Any, wire: Any) -> None:
    """What was said stands, and the server's own words follow."""
    with kind(model(unloaded(after=2))) as server:
        reply = wire.chat(server)
        assert reply.text == "Grüße,"
        assert kind.gone in reply.body.decode()
        assert (server.loaded, server.evicted) == (set(), ["m"])


@KINDS
def test_a_model_can_be_deleted_meanwhile(kind: Any, wire: Any) -> None:
    """404 in the server's own form, and the lists know it no longer."""
    with kind(model(removed()), "other") as server:
        assert wire.chat(server).status == 404
        names = wire.get(server, LISTS[kind]).body.decode()
        assert ('"m"' in names, '"other"' in names) == (False, True)


def test_a_models_fault_spares_requests_that_only_load_it(wire: Any) -> None:
    """Loads go wrong by their path."""
    cold = model(failed(), loaded=False)
    with ScriptedOllama(cold) as server:
        assert wire.post(server, "/api/generate", model="m").status == 200
        assert (server.loaded, wire.chat(server).status) == ({"m"}, 500)
    with ScriptedLMStudio(cold, faults={"/api/v1/models/load": failed(400, "Failed to load")}) as server:
        assert wire.post(server, "/api/v1/models/load", model="m").status == 400
        assert server.loaded == set()


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


# By name

NAMED = [
    "answered_by:other",
    "broken_gzip",
    "broken_json",
    "broken_utf8:1",
    "chunked",
    "cut:40",
    "dies:2",
    "dies_idle",
    "empty",
    "endless:0.5+reasoning=yes",
    "error_frame:2+out of memory",
    "failed:404",
    "gzip_bomb:1000000",
    "gzipped",
    "held_until:3",
    "huge_frame:1000000",
    "no_final",
    "only_reasoning",
    "overflowed:20+10",
    "overloaded:429+2+as_date=yes",
    "rechunked:1",
    "redirected:http://127.0.0.1:1",
    "removed",
    "reset:40",
    "silence:40",
    "status:418",
    "unloaded:1",
    "with_length",
]


def test_every_fault_can_be_named_on_the_command_line() -> None:
    """With its arguments, by position or by name."""
    assert [text.partition(":")[0] for text in NAMED] == sorted(FAULTS)
    assert all(callable(read_fault(text)) for text in NAMED)


def test_faults_of_others_can_be_named_too(wire: Any) -> None:
    """For the first requests alone, and several of one reply."""
    fault = read_fault("only_first:1+overloaded:429+retry_after=2")
    with ScriptedOllama(model(fault), model(read_fault("with_length|cut:5"), name="both")) as server:
        first, second, both = wire.chat(server), wire.chat(server), wire.chat(server, "both")
    assert (first.status, first.headers["retry-after"], second.status) == (429, "2", 200)
    assert (len(both.body), both.error) == (5, "RemoteProtocolError")


@pytest.mark.parametrize(
    "words",
    [["--fault", "/api/tags=nonsense"], ["--fault", "/=cut:1+2+3"], ["--set", "nonsense=1"], ["--set", "caches=maybe"]],
)
def test_the_program_refuses_faults_and_arguments_that_it_does_not_know(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What was wrong is repeated."""
    with pytest.raises(SystemExit):
        main(["ollama", "--model", "m", *words])
    assert words[1] in capsys.readouterr().err


def test_the_help_of_the_program_lists_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """With its arguments in their order."""
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert "overloaded:code+retry_after+as_date\n" in told
    assert all(f"\n  {name}" in told for name in (*FAULTS, "only_first"))
