"""OpenAI's chat-completion protocol as local servers speak it; the wire that several providers share."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor.dispatch.values import Chunk, Query, ToolCall, Usage
from codeconductor.errors import ProviderError
from codeconductor.http import (
    beginning_of,
    checked,
    fault_in_reply,
    fault_of_status,
    json_object,
    open_stream,
    server_events,
    whole_body,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

    import httpx2

_OPTIONAL = {
    "stream_options": re.compile(r"stream_options|include_usage"),
    "response_format": re.compile(r"response_format|json_schema|grammar"),
    "seed": re.compile(r"\bseed\b"),
}
"""Fields that some servers refuse with 400 or 422, and how they name them; the request is then sent without them."""

_LAST_WORDS = 1.0
"""Seconds that the counts and the end of a stream are waited for when the answer itself is complete."""

_ABORTED = frozenset({"abort", "error"})
"""Finish reasons of an answer that the server itself broke off; vLLM says the first."""


async def stream_openai_chat(
    client: httpx2.AsyncClient,
    model: str,
    query: Query,
    *,
    path: str = "/v1/chat/completions",
    extra: Mapping[str, Any] | None = None,
    hint: str | None = None,
) -> AsyncGenerator[Chunk, None]:
    """Ask an OpenAI-compatible server once, and stream what it says; for the use of provider plugins.

    Args:
        client: From ``session.client(host)``.
        model: As the server calls it.
        query: What to ask.
        path: Of the endpoint, below the client's base address.
        extra: Further fields of the request's body.
        hint: What to do when the server cannot be reached.

    Raises:
        ProviderError: With the contract's kind; what was given before it is valid.
    """
    body = _body(model, query) | dict(extra or {})
    host = str(client.base_url).rstrip("/")
    reading = _Reading(host, query)
    try:
        async with _accepted(client, path, body, hint) as response:
            async for chunk in reading.chunks(response):
                yield chunk
    except ProviderError as fault:
        if fault.kind != "protocol" or not reading.has_finished:
            raise
    for chunk in reading.rest():
        yield chunk


@asynccontextmanager
async def _accepted(
    client: httpx2.AsyncClient, path: str, body: dict[str, Any], hint: str | None
) -> AsyncIterator[httpx2.Response]:
    """The reply to a request; without the optional fields that the server refuses."""
    while True:
        async with open_stream(client, path, body=body, hint=hint) as response:
            optional = body.keys() & _OPTIONAL.keys()
            if response.status_code in {400, 422} and optional:
                said = await beginning_of(response)
                refused = {name for name in optional if _OPTIONAL[name].search(said)}
                if not refused:
                    raise fault_of_status(response.status_code, said, str(response.url))
                body = {name: value for name, value in body.items() if name not in refused}
                continue
            yield await checked(response)
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


class _Reading:
    """One reply as it is read.

    Attributes:
        has_finished: The server has said why the answer ends: what it still says are counts alone.
    """

    def __init__(self, host: str, query: Query) -> None:
        self._host = host
        self._wants_json = query.response_schema is not None
        self._model: str | None = None
        self._calls = _Calls()
        self._thoughts: list[str] = []
        self._said_text = False
        self.has_finished = False

    async def chunks(self, response: httpx2.Response) -> AsyncIterator[Chunk]:
        """The pieces of the answer, whether or not the server streams them."""
        if response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            async for chunk in self._streamed(response):
                yield chunk
        else:
            for chunk in self._whole(json_object(await whole_body(response))):
                yield chunk

    def rest(self) -> Iterator[Chunk]:
        """What is known only at the end of the answer."""
        if self._calls:
            yield Chunk(tool_calls=self._calls.complete())
        elif self._wants_json and not self._said_text:
            answer = "".join(self._thoughts).strip()
            if _is_json_object(answer):  # LM Studio puts it among the thoughts of some models (its bugs 1773, 1971)
                yield Chunk(text=answer)

    async def _streamed(self, response: httpx2.Response) -> AsyncIterator[Chunk]:
        events = server_events(response)
        is_empty = True
        while True:
            try:
                async with asyncio.timeout(_LAST_WORDS if self.has_finished else None):
                    event, text = await anext(events)
            except (StopAsyncIteration, TimeoutError):
                break
            if text.strip() == "[DONE]":
                return
            is_empty = False
            for chunk in self._read(self._frame(event, text), "delta"):
                yield chunk
        if not (is_empty or self.has_finished):
            raise ProviderError(f"{self._host} ended its reply before it was complete", kind="protocol")

    def _whole(self, data: dict[str, Any]) -> list[Chunk]:
        """No streaming here, or no success in spite of the status: the body is one object."""
        self._refuse_error(data)
        if "choices" not in data:
            raise ProviderError(f"{self._host} gave no answer: {str(data)[:200]}", kind="protocol")
        return self._read(data, "message")

    def _frame(self, event: str, text: str) -> dict[str, Any]:
        if event != "error":
            data = json_object(text)
        else:
            try:
                data = json_object(text)
            except ProviderError:
                data = {"error": text}
            data = data if data.get("error") else {"error": data or text}
        self._refuse_error(data)
        return data

    def _refuse_error(self, data: Mapping[str, Any]) -> None:
        fault = fault_in_reply(data, self._host)
        if fault is not None:
            raise fault

    def _read(self, data: Mapping[str, Any], key: str) -> list[Chunk]:
        choices = data.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else None
        chunks = [] if choice is None else [attrs.evolve(self._read_choice(choice, key), model=self._named(data))]
        usage = data.get("usage")
        if isinstance(usage, dict):
            prompt, completion = (_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
            chunks.append(Chunk(usage=Usage(prompt_tokens=prompt, completion_tokens=completion)))
        return chunks

    def _named(self, data: Mapping[str, Any]) -> str | None:
        """Who answers, where the server tells: once, and again if it tells something else."""
        model = _text(data.get("model")) or None
        if model == self._model:
            return None
        self._model = model
        return model

    def _read_choice(self, choice: Mapping[str, Any], key: str) -> Chunk:
        piece = choice.get(key)
        piece = piece if isinstance(piece, dict) else {}
        text = _text(piece.get("content"))
        reasoning = _text(piece.get("reasoning_content")) or _text(piece.get("reasoning"))
        if isinstance(piece.get("tool_calls"), list):
            self._calls.add(piece["tool_calls"])
        finish_reason = _text(choice.get("finish_reason")) or None
        if finish_reason in _ABORTED:
            raise ProviderError(f"{self._host} broke off its answer ({finish_reason})", kind="server")
        if self._wants_json and reasoning:
            self._thoughts.append(reasoning)
        self._said_text = self._said_text or bool(text.strip())
        self.has_finished = self.has_finished or finish_reason is not None
        return Chunk(text=text, reasoning=reasoning, finish_reason=finish_reason)


class _Calls:
    """Tool calls, put together from their pieces."""

    def __init__(self) -> None:
        self._parts: list[dict[str, str]] = []
        self._at: dict[int, dict[str, str]] = {}

    def __bool__(self) -> bool:
        return bool(self._parts)

    def add(self, pieces: list[Any]) -> None:
        """Take the `tool_calls` of one delta or message in."""
        for position, piece in enumerate(pieces):
            if not isinstance(piece, dict):
                continue
            index = piece.get("index")
            part = self._part(index if isinstance(index, int) else position, _text(piece.get("id")))
            function = piece.get("function")
            if isinstance(function, dict):
                part["name"] += _text(function.get("name"))
                part["arguments"] += _arguments(function.get("arguments"))

    def _part(self, index: int, call: str) -> dict[str, str]:
        part = self._at.get(index)
        if part is None or (call and part["id"] and part["id"] != call):  # some servers number every call 0
            part = {"id": call, "name": "", "arguments": ""}
            self._parts.append(part)
            self._at[index] = part
        part["id"] = part["id"] or call
        return part

    def complete(self) -> tuple[ToolCall, ...]:
        """The calls, in order."""
        return tuple(
            ToolCall(name=part["name"], arguments=part["arguments"], id=part["id"] or None) for part in self._parts
        )


def _arguments(value: object) -> str:
    if isinstance(value, dict | list):  # in place of the text that the protocol wants
        import json

        return json.dumps(value, ensure_ascii=False)
    return _text(value)


def _is_json_object(text: str) -> bool:
    try:
        return bool(json_object(text))
    except ProviderError:
        return False


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if type(value) is int else None  # not isinstance: True is an int
