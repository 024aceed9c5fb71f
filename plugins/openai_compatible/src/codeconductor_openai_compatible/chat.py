"""Asks one model over `/v1/chat/completions`, and streams what it says."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from codeconductor import Chunk, ProviderError, stream_openai_chat

from codeconductor_openai_compatible.hosts import START, client_for, host_of, remedies
from codeconductor_openai_compatible.loading import is_loading, until_loaded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Model, Query, Session


async def stream_answer(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk]:
    """Ask one model; a server that is still loading it is waited for.

    Yields:
        An empty chunk when a load is done, then the answer.

    Raises:
        ProviderError: With the contract's kind; what was given before it is valid.
    """
    client = client_for(session, model.host)
    asked = host_of(session, model.host).ids.get(model.name, model.name)
    spoke = False
    while True:
        try:
            with remedies():
                async with aclosing(stream_openai_chat(client, asked, query, hint=START)) as chunks:
                    async for chunk in chunks:
                        spoke = True
                        yield chunk
            return
        except ProviderError as fault:
            if spoke or not is_loading(fault):
                raise
        await until_loaded(client)
        yield Chunk()
