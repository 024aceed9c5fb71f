"""Asks one model over `/api/chat`, and streams what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from codeconductor import Chunk, ProviderError, ToolCall, Usage, checked, json_lines, open_stream

from codeconductor_ollama.api import ask, faults_of, read
from codeconductor_ollama.wire import Call, Line, Loaded, Said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2
    from codeconductor import Model, Query, Session


async def stream_answer(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk]:
    """Load the model where it is not in memory, then ask it.

    Yields:
        An empty chunk when a load is done, then the answer; reasoning is kept apart from it.

    Raises:
        ProviderError: With the contract's kind; what was given before it is valid.
    """
    with faults_of(model.host, model.name):
        client = session.client(model.host)
        if model.loaded is False:
            await _load(client, model)
            yield Chunk()
        async with open_stream(client, "/api/chat", body=body_of(model, query)) as response:
            await checked(response)
            async for line in _lines(response, model):
                if line.remote_host and not model.remote:
                    session.warn(
                        f"{model.id} was answered by {line.remote_host}: the prompt has left {model.host}, "
                        "which did not list that model as remote"
                    )
                yield _chunk(line)


async def _load(client: httpx2.AsyncClient, model: Model) -> None:
    """A request without a prompt, which is answered once the model is in memory.

    The question itself would get no byte, not even headers, until then: loading could not be told from generating.
    """
    await ask(client, "/api/generate", Loaded, {"model": model.name, "stream": False})


def body_of(model: Model, query: Query) -> dict[str, Any]:
    """The request's body; what the query leaves open is left to the server and the model's own settings.

    `think` and `keep_alive` are never sent: the one is refused by models that cannot, the other would change how long
    the model stays in memory for everybody.
    """
    options = {
        "seed": query.seed,
        "temperature": query.temperature,
        "num_predict": query.max_tokens,
        "stop": list(query.stop) or None,
    }
    body = {
        "model": model.name,
        "messages": [{"role": message.role, "content": message.content} for message in query.messages],
        "stream": True,
        "options": {name: value for name, value in options.items() if value is not None} or None,
        "format": query.response_schema,
        "tools": list(query.tools) or None,
    }
    return {name: value for name, value in body.items() if value is not None}


async def _lines(response: httpx2.Response, model: Model) -> AsyncIterator[Line]:
    """The lines up to the last; a stream that ends without one was cut, or stopped for repeating itself."""
    async for data in json_lines(response):
        line = read(data, Line, model.host)
        yield line
        if line.is_last:
            return
    raise ProviderError(
        f"{model.host} ended its reply without saying that it is complete",
        kind="protocol",
        hint="ask again; Ollama also stops a model that repeats itself like this",
    )


def _chunk(line: Line) -> Chunk:
    said = line.message or Said()
    return Chunk(
        text=said.content or "",
        reasoning=said.thinking or "",
        tool_calls=map(_tool_call, said.tool_calls or ()),
        finish_reason=line.done_reason or None,
        usage=Usage(prompt_tokens=line.prompt_eval_count, completion_tokens=line.eval_count) if line.is_last else None,
    )


def _tool_call(call: Call) -> ToolCall:
    given = call.function.arguments
    arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return ToolCall(name=call.function.name, arguments=arguments, id=call.id or None)
