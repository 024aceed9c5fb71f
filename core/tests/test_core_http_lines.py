"""Bodies of replies from model servers: lines, events, JSON objects and whole texts, however the network cuts them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from codeconductor import ProviderError
from codeconductor.http import json_lines, lines, server_events, whole_body
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


def test_a_byte_order_mark_is_no_part_of_a_body() -> None:
    """Neither of a stream of lines nor of a whole one; within a line it stays."""
    assert lines_of("\ufeffa\n\ufeffb".encode()) == ["a", "\ufeffb"]
    assert asyncio.run(whole_body(a_response('\ufeff{"a": 1}'.encode()))) == '{"a": 1}'
