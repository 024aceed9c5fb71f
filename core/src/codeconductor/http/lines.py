"""Streams of JSON lines and of server-sent events, split at line feeds alone.

A U+2028 inside of a JSON string must not tear it, and a character may be cut between two network pieces: so bytes are
split, and whole lines are decoded.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from codeconductor.errors import ProviderError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    import httpx2

MAX_LINE = 16 * 2**20
"""Bytes of the longest line that is read; a longer one is a fault of the server."""


_BOM = "\ufeff"
"""Some programs begin UTF-8 with it; it is part of no line."""

_FIELDS = ("data:", "event:", "id:", "retry:", "error:", ":")
"""How a line of an event stream begins, and no JSON does."""


async def lines(response: httpx2.Response, *, limit: int = MAX_LINE) -> AsyncIterator[str]:
    """The lines of a streamed body, without their line ends; a last line without one is given too.

    Raises:
        ProviderError: A line is longer than `limit` bytes or is not UTF-8 (kind ``protocol``).
    """
    is_first = True
    async for line in _decoded_lines(response, limit):
        yield line.removeprefix(_BOM) if is_first else line
        is_first = False


async def _decoded_lines(response: httpx2.Response, limit: int) -> AsyncIterator[str]:
    pending: list[bytes] = []
    size = 0
    async for piece in response.aiter_bytes():
        *complete, rest = piece.split(b"\n")
        for part in complete:
            yield _decoded(b"".join([*pending, part]), limit)
            pending.clear()
            size = 0
        if rest:
            pending.append(rest)
            size += len(rest)
        if size > limit:
            raise ProviderError(f"a line of more than {limit:,} bytes arrived", kind="protocol")
    if pending:
        yield _decoded(b"".join(pending), limit)


def _decoded(line: bytes, limit: int) -> str:
    if len(line) > limit:
        raise ProviderError(f"a line of more than {limit:,} bytes arrived", kind="protocol")
    try:
        return line.removesuffix(b"\r").decode("utf-8")
    except UnicodeDecodeError as exc:
        raise ProviderError(f"a line that is not UTF-8 arrived: {line[:80]!r}", kind="protocol") from exc


async def json_lines(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """The objects of a body that has one JSON object a line; blank lines are passed over, and a line may have several.

    Raises:
        ProviderError: A line is no JSON object (kind ``protocol``).
    """
    async for line in lines(response):
        for text in _objects(line.strip()):
            yield json_object(text)


_DECODER = json.JSONDecoder()


def _objects(line: str) -> Iterator[str]:
    """The objects of a line, each by itself; what follows the last one is given as it is."""
    are_several = "}{" in line or "} {" in line  # seldom so, and mostly within a text: most lines are read once
    begin = 0
    while begin < len(line):
        end = len(line)
        if are_several:
            with suppress(ValueError, RecursionError):
                end = _DECODER.raw_decode(line, begin)[1]
        yield line[begin:end]
        begin = end
        while begin < len(line) and line[begin].isspace():
            begin += 1


async def whole_body(response: httpx2.Response, *, limit: int = MAX_LINE) -> str:
    """A body that is no stream, as text.

    Raises:
        ProviderError: It is longer than `limit` bytes or is not UTF-8 (kind ``protocol``).
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in response.aiter_bytes():
        pieces.append(piece)
        size += len(piece)
        if size > limit:
            raise ProviderError(f"a reply of more than {limit:,} bytes arrived", kind="protocol")
    body = b"".join(pieces)
    try:
        return body.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError as exc:
        raise ProviderError(f"a reply that is not UTF-8 arrived: {body[:80]!r}", kind="protocol") from exc


def json_object(text: str) -> dict[str, Any]:
    """One JSON object; ProviderError of kind ``protocol`` where the text is none."""
    if not text.strip():
        raise ProviderError("an empty body arrived in place of JSON", kind="protocol")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ProviderError(f"no JSON arrived: {text[:80]!r}", kind="protocol") from exc
    if not isinstance(data, dict):
        raise ProviderError(f"no JSON object arrived: {text[:80]!r}", kind="protocol")
    return data


async def text_or_events(response: httpx2.Response, *, limit: int = MAX_LINE) -> str | AsyncIterator[tuple[str, str]]:
    """A body whose headers do not say what it is: as events where its first line is one of those, else as text.

    Raises:
        ProviderError: As `whole_body` and `server_events` do.
    """
    read = lines(response, limit=limit)
    told: list[str] = []
    is_text = False
    size = 0
    async for line in read:
        if not is_text and line.startswith(_FIELDS):
            return _events(_from(line, read), limit)
        is_text = is_text or bool(line)
        told.append(line)
        size += len(line) + 1
        if size > limit:
            raise ProviderError(f"a reply of more than {limit:,} characters arrived", kind="protocol")
    return "\n".join(told)


async def _from(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for line in rest:
        yield line


def server_events(response: httpx2.Response, *, limit: int = MAX_LINE) -> AsyncIterator[tuple[str, str]]:
    """The events of a `text/event-stream` body as (event, data); `event` is empty where the server names none.

    Read leniently: comments are passed over, `data:` may lack its blank, a last event may lack its blank line, and a
    bare `error: {…}` line, which older llama.cpp servers send, is an event named "error"; so is a bare object one.

    Raises:
        ProviderError: A line or an event is too long, or is not UTF-8 (kind ``protocol``).
    """
    return _events(lines(response, limit=limit), limit)


async def _events(read: AsyncIterator[str], limit: int) -> AsyncIterator[tuple[str, str]]:
    event = ""
    data: list[str] = []
    size = 0
    async for joined in read:
        for line in joined.split("\r"):  # which the standard has end a line, too, and JSON does not contain
            if not line:
                if data:
                    yield event, "\n".join(data)
                event = ""
                data = []
                size = 0
                continue
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
                size += len(value)
                if size > limit:
                    raise ProviderError(f"an event of more than {limit:,} characters arrived", kind="protocol")
            elif field == "event":
                event = value
            elif field == "error":
                yield "error", value
            elif line.startswith("{"):
                yield "", line
    if data:
        yield event, "\n".join(data)
