"""Faults that put another reply in the place of the one that is due: refusals, redirects, models that are gone."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from codeconductor.testing.servers.wire import Frame

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from codeconductor.testing.servers.plans import Plan
    from codeconductor.testing.servers.wire import Exchange, Fault


def status(
    code: int,
    body: str | Mapping[str, Any] = "",
    content_type: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
) -> Fault:
    """Another reply altogether.

    Args:
        code: HTTP status.
        body: A text, or an object that is sent as JSON.
        content_type: Told from the body unless given: JSON, HTML or plain text.
        headers: Further ones.
    """
    text = body if isinstance(body, str) else json.dumps(body)
    told = "application/json" if not isinstance(body, str) else "text/html" if "<" in body else "text/plain"

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        exchange.status, exchange.content_type = code, content_type or told
        exchange.headers.update(headers or {})
        yield Frame(text.encode(), "whole")

    return fault


def failed(code: int = 500, message: str = "the model has crashed") -> Fault:
    """A refusal in the server's own form of JSON."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in _instead(exchange, exchange.server.failure(message, code)):
            yield frame

    return fault


def overloaded(code: int = 503, retry_after: int | None = None, *, as_date: bool = False) -> Fault:
    """The server has too much to do, and says so in its own words.

    Args:
        code: 503, or 429.
        retry_after: Seconds that the header `Retry-After` asks for; None: there is no such header.
        as_date: The header has the point in time in place of the seconds: never earlier, up to 1 s later.
    """

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        if retry_after is not None:
            then = datetime.now(UTC) + timedelta(seconds=retry_after + 1)  # a date of HTTP has whole seconds
            exchange.headers["retry-after"] = format_datetime(then, usegmt=True) if as_date else str(retry_after)
        async for frame in _instead(exchange, exchange.server.failure(exchange.server.busy, code)):
            yield frame

    return fault


def redirected(host: str, code: int = 307) -> Fault:
    """The reply sends the client to the same path of another host, such as ``"http://127.0.0.1:8080"``."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        exchange.status = code
        exchange.headers["location"] = host.rstrip("/") + exchange.request.path
        yield Frame(b"", "whole")

    return fault


def overflowed(tokens: int = 17398, window: int = 8192) -> Fault:
    """The prompt does not fit, says the server in its own words, whether it is so or not; both in tokens."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        async for frame in _instead(exchange, exchange.server.overflow(exchange.request.body, tokens, window)):
            yield frame

    return fault


def unloaded(after: int | None = None) -> Fault:
    """The model has left memory meanwhile, and the server does what it does then: most load it once more.

    Args:
        after: Frames of the answer that come before, and then the server's words for a model that is gone; None: the
            model left before it was asked.
    """

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        server, name = exchange.server, exchange.request.model
        if after is None:
            server.loaded.discard(name)
            async for frame in _instead(exchange, server.plan(exchange.request)):
                yield frame
            return
        position = 0
        async for frame in frames:
            if position >= after:
                break
            position += 1
            yield frame
        server.evict(name)
        yield server.error_frame(name, server.gone)

    return fault


def removed() -> Fault:
    """The model was deleted meanwhile: the server knows it no longer, in any list."""

    async def fault(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        server, name = exchange.server, exchange.request.model
        server.loaded.discard(name)
        server.models.pop(name, None)
        async for frame in _instead(exchange, server.plan(exchange.request)):
            yield frame

    return fault


async def _instead(exchange: Exchange, plan: Plan) -> AsyncIterator[Frame]:
    exchange.status, exchange.content_type = plan.status, plan.content_type
    async for frame in plan.frames:
        yield frame
