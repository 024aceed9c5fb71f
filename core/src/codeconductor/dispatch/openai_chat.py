"""OpenAI's chat-completion protocol as local servers speak it; the wire that several providers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeconductor.dispatch.values import Chunk, Query, ToolCall, Usage
from codeconductor.errors import ProviderError
from codeconductor.http import checked, fault_of_status, http_faults, json_object, server_events

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import httpx2

_OPTIONAL = ("stream_options", "response_format")
"""Fields that some servers refuse with 400 or 422; the request is then sent once more without them."""


async def stream_openai_chat(
    client: httpx2.AsyncClient,
    model: str,
    query: Query,
    *,
    path: str = "/v1/chat/completions",
    extra: Mapping[str, Any] | None = None,
    hint: str | None = None,
) -> AsyncIterator[Chunk]:
    """Ask an OpenAI-compatible server once, and stream what it says; for the use of provider plugins.

    Args:
        client: From ``session.client(host)``.
        model: As the server calls it.
        query: What to ask.
        path: Of the endpoint, below the client's base address.
        extra: Further fields of the request's body.
        hint: What to do when the server cannot be reached or says no.

    Raises:
        ProviderError: With the contract's kind; what was given before it is valid.
    """
    body = _body(model, query) | dict(extra or {})
    host = str(client.base_url).rstrip("/")
    with http_faults(host, hint=hint):
        for attempt in (1, 2):
            async with client.stream("POST", path, json=body) as response:
                if attempt == 1 and response.status_code in {400, 422} and body.keys() & set(_OPTIONAL):
                    said = (await response.aread()).decode("utf-8", "replace")
                    refused = [name for name in _OPTIONAL if name in said and name in body]
                    if not refused:
                        raise fault_of_status(response.status_code, said, str(response.url), hint=hint)
                    body = {name: value for name, value in body.items() if name not in refused}
                    continue
                await checked(response, hint=hint)
                async for chunk in _chunks(response, host):
                    yield chunk
                return


def _body(model: str, query: Query) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in query.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    for name in ("temperature", "seed", "max_tokens"):
        value = getattr(query, name)
        if value is not None:
            body[name] = value
    if query.stop:
        body["stop"] = list(query.stop)
    if query.tools:
        body["tools"] = list(query.tools)
    if query.response_schema is not None:
        schema = {"name": "reply", "strict": True, "schema": query.response_schema}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


async def _chunks(response: httpx2.Response, host: str) -> AsyncIterator[Chunk]:
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        # no streaming here, or no success in spite of the status: the body is one object
        data = json_object((await response.aread()).decode("utf-8", "replace"))
        _refuse_error(data, host)
        if "choices" not in data:
            raise ProviderError(f"{host} gave no answer: {str(data)[:200]}", kind="protocol")
        calls = _Calls()
        for chunk in _read(data, "message", calls):
            yield chunk
        yield Chunk(tool_calls=calls.complete())
        return
    calls, ended, said_something = _Calls(), False, False
    async for event, text in server_events(response):
        if text.strip() == "[DONE]":
            ended = ended or said_something
            break
        data = json_object(text)
        if event == "error" and "error" not in data:
            data = {"error": data}
        _refuse_error(data, host)
        for chunk in _read(data, "delta", calls):
            said_something = said_something or bool(chunk.text or chunk.reasoning)
            ended = ended or chunk.finish_reason is not None
            yield chunk
    if calls:
        yield Chunk(tool_calls=calls.complete())
    if not ended and said_something:
        raise ProviderError(f"{host} ended its reply without saying that it is complete", kind="protocol")


def _refuse_error(data: Mapping[str, Any], host: str) -> None:
    error = data.get("error")
    if not error:
        return
    import json

    status = error.get("code") if isinstance(error, dict) else None
    known = status if isinstance(status, int) and 400 <= status < 600 else 500
    raise fault_of_status(known, json.dumps({"error": error}), host)


class _Calls:
    """Tool calls, put together from their pieces."""

    def __init__(self) -> None:
        self._parts: dict[int, dict[str, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, pieces: list[Any]) -> None:
        """Take the `tool_calls` of one delta or message in."""
        for position, piece in enumerate(pieces):
            if not isinstance(piece, dict):
                continue
            index = piece.get("index")
            part = self._parts.setdefault(
                index if isinstance(index, int) else position, {"id": "", "name": "", "arguments": ""}
            )
            part["id"] = part["id"] or str(piece.get("id") or "")
            function = piece.get("function")
            if isinstance(function, dict):
                part["name"] += str(function.get("name") or "")
                part["arguments"] += str(function.get("arguments") or "")

    def complete(self) -> tuple[ToolCall, ...]:
        """The calls, in order."""
        return tuple(
            ToolCall(name=part["name"], arguments=part["arguments"], id=part["id"] or None)
            for _, part in sorted(self._parts.items())
        )


def _read(data: Mapping[str, Any], key: str, calls: _Calls) -> list[Chunk]:
    chunks = []
    choices = data.get("choices")
    for choice in choices if isinstance(choices, list) else []:
        if not isinstance(choice, dict):
            continue
        piece = choice.get(key)
        piece = piece if isinstance(piece, dict) else {}
        reasoning = piece.get("reasoning_content") or piece.get("reasoning")
        if isinstance(piece.get("tool_calls"), list):
            calls.add(piece["tool_calls"])
        chunks.append(
            Chunk(
                text=_text(piece.get("content")),
                reasoning=_text(reasoning),
                finish_reason=choice.get("finish_reason") or None,
            )
        )
    usage = data.get("usage")
    if isinstance(usage, dict):
        counts = {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens")}
        chunks.append(Chunk(usage=Usage(**{name: n if isinstance(n, int) else None for name, n in counts.items()})))
    return chunks


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
