"""The body of a request: how long it may be, and take, and what it has to be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from codeconductor_serve._errors import ApiError, invalid
from codeconductor_serve._json import read
from codeconductor_serve._streaming import ClientGone

if TYPE_CHECKING:
    from starlette.requests import Request

LONGEST = 16 * 2**20
"""Bytes of the longest body."""

_READ_ON = 4 * LONGEST
"""Bytes that are read of a body that is too long: who still sends does not hear the refusal."""

SILENCE = 60.0
"""Seconds after which the rest of a body is not waited for."""


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object in a request.

    Raises:
        ApiError: 415, 413, 408 or 400.
        ClientGone: The client left before its end.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        message = f"the content type is {kind[:100]!r}; expected 'application/json'"
        raise ApiError(415, message, code="unsupported_media_type")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        message = f"the content encoding is {encoding[:100]!r}; send the body without one"
        raise ApiError(415, message, code="unsupported_media_type")
    try:
        body = read(await _received(request))
    except ValueError as exc:
        raise invalid(f"the body is no JSON: {exc}", code="invalid_json") from exc
    if not isinstance(body, dict):
        raise invalid("the body is no JSON object", code="invalid_json")
    return body


async def _received(request: Request) -> bytes:
    parts: list[bytes] = []
    size = 0
    stream = request.stream()
    try:
        while size <= _READ_ON:
            async with asyncio.timeout(SILENCE):
                part = await anext(stream, None)
            if part is None:
                break
            size += len(part)
            if size <= LONGEST:
                parts.append(part)
    except TimeoutError:
        message = f"nothing more of the body came for {SILENCE:g} s"
        raise ApiError(408, message, code="request_timeout") from None
    except ClientDisconnect:
        raise ClientGone from None
    if size > LONGEST:
        message = f"the body is longer than {LONGEST // 2**20} MiB"
        raise ApiError(413, message, code="request_too_large")
    return b"".join(parts)
