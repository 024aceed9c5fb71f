"""Loads one model where it must be, asks it, and streams what it says."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING

import attrs
from codeconductor import Chunk, ProviderError, estimate_tokens, stream_openai_chat

from codeconductor_lmstudio.api import START, client_for, list_models, load, remedies
from codeconductor_lmstudio.hosts import host_of
from codeconductor_lmstudio.models import instance_of
from codeconductor_lmstudio.wire import Instance, Native

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import httpx2
    from codeconductor import Model, Query, Session

_SMALLEST_WINDOW = 8192
_REPLY = 4096
"""Tokens that are kept free for an answer; what a query allows at most is more, and rarely needed."""
_THOUGHTS = 8192
"""Tokens beside these for what a model thinks before it answers."""


async def stream_answer(session: Session, model: Model, query: Query) -> AsyncGenerator[Chunk, None]:
    """Ask one model.

    A server of 0.4 and later is told to load it, with a window that fits: a load on demand would take the saved one,
    and be thrown out by the next. An older one loads on demand.

    Yields:
        An empty chunk when a load is done, then the answer.

    Raises:
        ProviderError: With the contract's kind; what was given before it is valid.
    """
    client, host = client_for(session, model.host), host_of(session, model.host)
    with remedies(model.name):
        if model.loaded is False and model.loads_apart:
            loaded = await _in_memory(client, model, query)
            if loaded is not None:  # else the question itself has it load
                host.instances[model.name] = loaded
                yield Chunk()
        instance = host.instances.get(model.name) or Instance(id=model.name)
        async with aclosing(stream_openai_chat(client, instance.id, query, hint=START)) as chunks:
            async for chunk in chunks:
                yield _with_what_is_known(chunk, instance)


async def _in_memory(client: httpx2.AsyncClient, model: Model, query: Query) -> Instance | None:
    """The instance that answers for a model, which is loaded where there is none; None: it cannot be loaded apart."""
    entry = next((one for one in await list_models(client) if isinstance(one, Native) and one.key == model.name), None)
    if entry is None:
        host = str(client.base_url).rstrip("/")
        raise ProviderError(f"{host} no longer lists {model.name}", kind="refused", status=404)
    instance = instance_of(entry)  # somebody else may have loaded it meanwhile
    thinks = "thinking" in model.capabilities
    return instance or await load(client, model.name, window_for(entry.max_context_length, query, thinks=thinks))


def _with_what_is_known(chunk: Chunk, instance: Instance) -> Chunk:
    """Without the name of the instance that was asked, which need not be the model's; with the window in force."""
    if chunk.model == instance.id:
        chunk = attrs.evolve(chunk, model=None)
    window = instance.config.context_length if instance.config else None
    if chunk.usage is not None and window:
        chunk = attrs.evolve(chunk, usage=attrs.evolve(chunk.usage, context_length=window))
    return chunk


def window_for(longest: int | None, query: Query, *, thinks: bool = False) -> int:
    """Tokens to load a model with: room for question and answer, a power of two, never more than the model can.

    The server's own choice would be the model's maximum, which may not fit into memory.

    Args:
        longest: The most that the model can; None: the server does not tell.
        query: The first question.
        thinks: Whether the model thinks before it answers.
    """
    room = _REPLY + (_THOUGHTS if thinks else 0)
    needed = sum(estimate_tokens(message.content) for message in query.messages) + min(query.max_tokens or room, room)
    window = _SMALLEST_WINDOW
    while window < needed:
        window *= 2
    return min(window, longest or window)
