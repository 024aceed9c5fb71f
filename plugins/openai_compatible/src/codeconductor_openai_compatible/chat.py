"""Asks one model over `/v1/chat/completions`, and streams what it says."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import attrs
from codeconductor import Chunk, ProviderError, estimate_tokens, stream_openai_chat

from codeconductor_openai_compatible.hosts import START, client_for, host_of, remedies
from codeconductor_openai_compatible.loading import is_loading, until_loaded
from codeconductor_openai_compatible.models import base_name

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from codeconductor import Model, Query, Session

    from codeconductor_openai_compatible.hosts import Host


async def stream_answer(session: Session, model: Model, query: Query) -> AsyncGenerator[Chunk, None]:
    """Ask one model; a server that is still loading it is waited for.

    Yields:
        An empty chunk when a load is done, then the answer.

    Raises:
        ProviderError: With the contract's kind; what was given before it is valid.
    """
    client, host = client_for(session, model.host), host_of(session, model.host)
    asked = host.ids.get(model.name, model.name)
    try:
        with remedies(not_found="`conductor models` lists what the server has now"):
            if model.loaded is False and model.loads_apart:
                await until_loaded(client)
                yield Chunk()
            async with aclosing(stream_openai_chat(client, asked, fitting(query, model), hint=START)) as chunks:
                async for chunk in chunks:
                    yield _called_by_its_name(chunk, asked, host)
    except ProviderError as fault:
        if is_loading(fault):
            fault.kind, fault.unloaded = "server", True
            fault.hint = "wait until it has loaded its model, or raise --load-timeout"
        raise


def fitting(query: Query, model: Model) -> Query:
    """The query with a limit for the answer that fits beside the prompt: vLLM refuses one that does not.

    Where nothing may be left, by an estimate that is rather too high, the limit is the server's own.
    """
    if query.max_tokens is None or model.context_length is None:
        return query
    left = model.context_length - sum(estimate_tokens(message.content) for message in query.messages)
    return query if query.max_tokens <= left else attrs.evolve(query, max_tokens=left if left > 0 else None)


def _called_by_its_name(chunk: Chunk, asked: str, host: Host) -> Chunk:
    """Without a name that means the model that was asked, and without the server's folders in any other."""
    if chunk.model is None:
        return chunk
    root = host.roots.get(asked)
    is_the_same = chunk.model == asked or (root is not None and root in (chunk.model, host.roots.get(chunk.model)))
    return attrs.evolve(chunk, model=None if is_the_same else base_name(chunk.model))
