"""Asks the embedded model as any other OpenAI-compatible server."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import attrs
from codeconductor import Chunk, ProviderError, stream_openai_chat

from codeconductor_llamacpp._server import EmbeddedServer, Wanted
from codeconductor_llamacpp._settings import LlamaCppSettings, thread_count
from codeconductor_llamacpp._weights import find_weights

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Model, Query, Session

SMALL = 1_000_000_000
"""Parameters below which a model that has not ended soon mostly repeats itself."""

SMALL_REPLY = 384
"""Tokens of the longest answer of such a model: 8 s of one busy core, and right answers mostly have fewer than 200."""


async def ask(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk]:
    """Start the server where nobody has, say so by an empty chunk, and stream one answer.

    Raises:
        ProviderError: Kind ``server`` where the process could not start or ended; else as `stream_openai_chat` says.
    """
    settings = session.settings("llamacpp", LlamaCppSettings)
    wanted = Wanted(
        path=str(find_weights(session)),
        name=model.name,
        slots=model.slots or settings.parallel,
        threads=thread_count(settings.threads),
        context_length=model.context_length or settings.context_length,
    )
    server = session.keep(("llamacpp", wanted), lambda: EmbeddedServer(wanted))
    client = session.client(await server.address(), key=server.key)
    yield Chunk()
    try:
        async with aclosing(stream_openai_chat(client, model.name, _bounded(model, query))) as chunks:
            async for chunk in chunks:
                yield chunk
    except ProviderError as exc:
        if exc.kind == "context_overflow":
            exc.hint = "shorten the task or its context files, or raise context_length in [providers.llamacpp]"
        if exc.kind not in {"unreachable", "protocol"}:
            raise
        raise await server.fault() or exc from exc


def _bounded(model: Model, query: Query) -> Query:
    if model.parameters is None or model.parameters >= SMALL:
        return query
    return attrs.evolve(query, max_tokens=min(query.max_tokens or SMALL_REPLY, SMALL_REPLY))
