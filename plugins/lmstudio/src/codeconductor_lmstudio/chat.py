"""Loads one model where it must be, asks it, and streams what it says."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

from codeconductor import Chunk, ProviderError, estimate_tokens, stream_openai_chat

from codeconductor_lmstudio.api import START, client_for, list_models, load, remedies
from codeconductor_lmstudio.hosts import Host, host_of
from codeconductor_lmstudio.models import instance_of
from codeconductor_lmstudio.wire import Native

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx2
    from codeconductor import Model, Query, Session

_SMALLEST_WINDOW = 8192
_REPLY = 4096
"""Tokens that are kept free for an answer of no stated length."""

_GONE = ("no models loaded", "model_not_loaded", "not loaded")
"""Words of a refusal that another load cures."""


async def stream_answer(session: Session, model: Model, query: Query) -> AsyncGenerator[Chunk, None]:
    """Ask one model.

    A server of 0.4 and later is told to load it, with a window that fits: a load on demand would take the saved one,
    and be thrown out by the next. An older one loads on demand, and then one model after the other is asked for its
    whole answer.

    Yields:
        An empty chunk when a load is done, then the answer.

    Raises:
        ProviderError: With the contract's kind; what was given before it is valid.
    """
    client, host = client_for(session, model.host), host_of(session, model.host)
    if model.loaded is False and await _in_memory(client, host, model, query):
        yield Chunk()
    asked = host.instances.get(model.name, model.name)
    try:
        with remedies():
            async with aclosing(stream_openai_chat(client, asked, query, hint=START)) as chunks:
                async for chunk in chunks:
                    yield chunk
    except ProviderError as fault:
        fault.unloaded = any(words in fault.message.lower() for words in _GONE)
        raise


async def _in_memory(client: httpx2.AsyncClient, host: Host, model: Model, query: Query) -> bool:
    """Bring a model into memory; False: this server loads on demand alone."""
    entry = next((one for one in await list_models(client) if isinstance(one, Native) and one.key == model.name), None)
    if entry is None:
        return False
    instance = instance_of(entry)  # somebody else may have loaded it meanwhile
    host.instances[model.name] = instance.id if instance else await load(client, model.name, window_for(model, query))
    return True


def window_for(model: Model, query: Query) -> int:
    """Tokens to load a model with: room for question and answer, a power of two, never more than the model can.

    The server's own choice would be the model's maximum, which may not fit into memory.
    """
    needed = sum(estimate_tokens(message.content) for message in query.messages) + (query.max_tokens or _REPLY)
    window = _SMALLEST_WINDOW
    while window < needed:
        window *= 2
    return min(window, model.context_length or window)
