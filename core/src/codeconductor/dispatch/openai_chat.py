"""OpenAI's chat-completion protocol as local servers speak it; the wire that several providers share."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor.dispatch.openai_messages import Calls, message_document, text_of, thinking, written
from codeconductor.dispatch.values import Chunk, Query, Usage
from codeconductor.errors import ProviderError
from codeconductor.http import (
    beginning_of,
    checked,
    fault_in_reply,
    fault_of_status,
    json_object,
    open_stream,
    server_events,
    text_or_events,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

    import httpx2

_OPTIONAL = {
    "stream_options": re.compile(r"stream_options|include_usage"),
    "response_format": re.compile(r"response_format|json_schema|grammar"),
    "seed": re.compile(r"\bseed\b"),
    "tool_choice": re.compile(r"tool[_ ]choice"),
    "parallel_tool_calls": re.compile(r"parallel[_ ]tool"),
}
"""Fields that some servers refuse, and how they name them; the request is then sent without them."""

_REFUSALS = frozenset({400, 422, 500, 501})
"""Statuses of such a refusal: llama.cpp says 501 of what it was built without, and others fail over a grammar."""

_LAST_WORDS = 1.0
"""Seconds that the counts and the end of a stream are waited for when the answer itself is complete."""

_BODY_END = 0.05
"""Seconds that the end of the body may take behind the end of the stream."""

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
            if response.status_code in _REFUSALS and optional:
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
        "messages": [message_document(message) for message in query.messages],
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
        if query.tool_choice == "required":
            body["tool_choice"] = "required"
        if not query.parallel_tool_calls:
            body["parallel_tool_calls"] = False
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
        self._calls = Calls()
        self._thoughts: list[str] = []
        self._said_text = False
        self.has_finished = False

    async def chunks(self, response: httpx2.Response) -> AsyncIterator[Chunk]:
        """The pieces of the answer, whether or not the server streams them."""
        if response.headers.get("content-type", "").lower().startswith("text/event-stream"):
            told: str | AsyncIterator[tuple[str, str]] = server_events(response)
        else:  # proxies change the type, or leave it out
            told = await text_or_events(response)
        if isinstance(told, str):
            for chunk in self._whole(json_object(told)):
                yield chunk
            return
        async for chunk in self._streamed(told):
            yield chunk

    def rest(self) -> Iterator[Chunk]:
        """What is known only at the end of the answer."""
        if self._calls:
            yield Chunk(tool_calls=self._calls.complete())
        elif self._wants_json and not self._said_text:
            answer = "".join(self._thoughts).strip()
            if _is_json_object(answer):  # LM Studio puts it among the thoughts of some models (its bugs 1773, 1971)
                yield Chunk(text=answer)

    async def _streamed(self, events: AsyncIterator[tuple[str, str]]) -> AsyncIterator[Chunk]:
        clock = asyncio.get_running_loop().time
        is_empty = True
        deadline: float | None = None
        while True:
            if self.has_finished and deadline is None:
                deadline = clock() + _LAST_WORDS
            try:
                async with asyncio.timeout_at(deadline):
                    event, joined = await anext(events)
            except (StopAsyncIteration, TimeoutError):
                break
            for text in _frames(joined):
                if text.strip() == "[DONE]":
                    await _read_out(events)
                    return
                if _says_nothing(event, text):
                    continue
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
        model = text_of(data.get("model")) or None
        if model == self._model:
            return None
        self._model = model
        return model

    def _read_choice(self, choice: Mapping[str, Any], key: str) -> Chunk:
        piece = choice.get(key)
        if not piece and not self._said_text:  # the whole answer as one event, by servers that do not stream
            piece = choice.get("message")
        piece = piece if isinstance(piece, dict) else {}
        text = written(piece.get("content"), "text")
        thoughts = (piece.get("reasoning_content"), piece.get("reasoning"), thinking(piece.get("content")))
        reasoning = next(filter(None, map(text_of, thoughts)), "")
        if isinstance(piece.get("tool_calls"), list):
            self._calls.add(piece["tool_calls"])
        finish_reason = text_of(choice.get("finish_reason")) or None
        if finish_reason in _ABORTED:
            raise ProviderError(f"{self._host} broke off its answer ({finish_reason})", kind="server")
        if self._wants_json and reasoning:
            self._thoughts.append(reasoning)
        self._said_text = self._said_text or bool(text.strip())
        self.has_finished = self.has_finished or finish_reason is not None
        return Chunk(text=text, reasoning=reasoning, finish_reason=finish_reason)


async def _read_out(events: AsyncIterator[tuple[str, str]]) -> None:
    """Read the end of a body that has nothing more to say, so that its connection can be used again."""
    with suppress(Exception):  # the answer is complete; the connection is closed where this fails
        async with asyncio.timeout(_BODY_END):
            await anext(events, None)


def _frames(joined: str) -> list[str]:
    """The data of one event; as many as it has lines where the server leaves out the blank ones between events."""
    return [joined] if "\n" not in joined or _is_json_object(joined) else joined.split("\n")


def _says_nothing(event: str, text: str) -> bool:
    """Whether an event is a sign of life and no more: without data, or with a name and something else than JSON."""
    if event == "error":
        return False
    return not text.strip() or (event not in {"", "message"} and not text.lstrip().startswith("{"))


def _is_json_object(text: str) -> bool:
    try:
        return bool(json_object(text))
    except ProviderError:
        return False


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None  # not isinstance: True is an int
