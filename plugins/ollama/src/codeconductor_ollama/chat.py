"""Asks one model over `/api/chat`, which is loaded before where it has to be."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

from codeconductor import Chunk, ProviderError, checked, open_stream

from codeconductor_ollama.api import ask, faults_of, in_memory
from codeconductor_ollama.models import entry_of
from codeconductor_ollama.reading import Reading
from codeconductor_ollama.remedies import START, is_not_installed
from codeconductor_ollama.windows import LOOKING, window_of
from codeconductor_ollama.wire import Loaded

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import httpx2
    from codeconductor import Message, Model, Query, Session

SILENT = 2.0
"""Seconds without a sign of life after which a model that was in memory is looked for there."""

BETWEEN_LOOKS = 0.5
"""Seconds after which the time at which a model expires has moved where the model still loads."""

_UNKNOWN_PATH = frozenset({404, 405, 501})
"""Statuses that an endpoint has which the server does not."""

_FORMAT = re.compile(r"\b(format|schema|grammar)\b", re.IGNORECASE)
"""How servers name the JSON schema that they refuse."""


async def stream_answer(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk]:
    """Load the model where it is not in memory, then ask it.

    Yields:
        An empty chunk when a load is done, then the answer; reasoning is kept apart from it.

    Raises:
        ProviderError: With the contract's kind; what was given before it is valid.
    """
    with faults_of(model.host, model.name):
        client = session.client(model.host)
        window = window_of(session, model)
        num_ctx = await window.num_ctx(client, model, query)
        if window.must_load(model):
            message = f"{model.name} has too short a context in memory for {num_ctx} tokens"
            raise ProviderError(message, kind="context_overflow", unloaded=True)
        if model.loaded is False:
            is_loaded = await _load(client, model, num_ctx)
            window.loaded()
            if is_loaded:
                yield Chunk()
        body = body_of(model, query, num_ctx)
        while True:
            begun = False
            try:
                async with aclosing(_answer(session, client, model, query, body)) as chunks:
                    async for chunk in chunks:
                        begun = True
                        yield chunk
                return
            except ProviderError as fault:
                if begun or not _FORMAT.search(fault.message) or body.pop("format", None) is None:
                    raise  # else asked once more, without the schema that this server or model cannot enforce


async def _load(client: httpx2.AsyncClient, model: Model, num_ctx: int | None) -> bool:
    """A request without a prompt, which is answered once the model is in memory.

    False: the server, or a proxy before it, does not know such a request; the question itself has it load then.

    The question itself would get no byte, not even headers, until then: loading could not be told from generating.
    Options that are not those of the question would have it load once more.
    """
    body: dict[str, Any] = {"model": model.name, "stream": False}
    if num_ctx is not None:
        body["options"] = {"num_ctx": num_ctx}
    try:
        await ask(client, "/api/generate", Loaded, body)
    except ProviderError as fault:
        if fault.status not in _UNKNOWN_PATH or is_not_installed(fault):
            raise
        return False
    return True


def body_of(model: Model, query: Query, num_ctx: int | None) -> dict[str, Any]:
    """The request's body; what the query leaves open is left to the server and the model's own settings.

    `think` and `keep_alive` are never sent: the one is refused by models that cannot, the other would change how long
    the model stays in memory for everybody. A schema is not sent to the cloud, which does not apply it.
    """
    options = {
        "seed": query.seed,
        "temperature": query.temperature,
        "num_predict": query.max_tokens,
        "stop": list(query.stop) or None,
        "num_ctx": num_ctx,
    }
    body = {
        "model": model.name,
        "messages": [_turn(message) for message in query.messages],
        "stream": True,
        "options": {name: value for name, value in options.items() if value is not None} or None,
        "format": None if model.remote else query.response_schema,
        "tools": list(query.tools) or None,
    }
    return {name: value for name, value in body.items() if value is not None}


def _turn(message: Message) -> dict[str, Any]:
    """A turn as Ollama has it: the arguments of a call are an object, and a tool's result names the function."""
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        turn["tool_calls"] = [
            {"function": {"name": call.name, "arguments": _arguments(call.arguments)}} for call in message.tool_calls
        ]
    if message.tool_name is not None:
        turn["tool_name"] = message.tool_name
    return turn


def _arguments(text: str) -> dict[str, Any]:
    """Arguments as an object; what a model wrote in place of one is nothing that Ollama takes."""
    try:
        arguments = json.loads(text)
    except ValueError:
        return {}
    return arguments if isinstance(arguments, dict) else {}


async def _answer(
    session: Session, client: httpx2.AsyncClient, model: Model, query: Query, body: dict[str, Any]
) -> AsyncGenerator[Chunk, None]:
    async with AsyncExitStack() as stack:
        response = await checked(await _opened(stack, client, model, body))
        async for chunk in Reading(session, model, query).chunks(response):
            yield chunk


async def _opened(
    stack: AsyncExitStack, client: httpx2.AsyncClient, model: Model, body: dict[str, Any]
) -> httpx2.Response:
    """The reply, whose headers come with its first line.

    Raises:
        ProviderError: The model has left memory since discovery.
    """
    try:
        async with asyncio.timeout(None) as patience:
            watching = asyncio.create_task(_watch(client, model, patience))
            try:
                return await stack.enter_async_context(open_stream(client, "/api/chat", body=body, hint=START))
            finally:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
    except TimeoutError as exc:
        message = f"{model.name} is no longer in the memory of {model.host}"
        raise ProviderError(message, hint="ask again, or fewer models at once", unloaded=True) from exc


async def _watch(client: httpx2.AsyncClient, model: Model, patience: asyncio.Timeout) -> None:
    """End the patience with a model that should answer at once and still has to load: that has a limit of its own."""
    if not model.loaded:
        return
    await asyncio.sleep(SILENT)
    there = await in_memory(client, LOOKING)
    if there is None:
        return
    entry = entry_of(model, there)
    if entry is not None:
        await asyncio.sleep(BETWEEN_LOOKS)
        later = entry_of(model, await in_memory(client, LOOKING) or ())
        if later is None or later.expires_at == entry.expires_at:
            return
    patience.reschedule(asyncio.get_running_loop().time())
