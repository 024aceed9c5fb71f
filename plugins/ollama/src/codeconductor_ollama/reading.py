"""Reads a streamed `/api/chat`: lines become chunks, and what a person should know becomes a warning."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from codeconductor import Chunk, ProviderError, ToolCall, Usage, json_lines

from codeconductor_ollama.api import read
from codeconductor_ollama.windows import fewest_tokens, window_of
from codeconductor_ollama.wire import Call, Line, Said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx2
    from codeconductor import Model, Query, Session

RELOADED = 1_000_000_000
"""Nanoseconds before an answer that only a load takes; a model in memory needs 20 to 100 ms."""


class Reading:
    """One reply as it is read."""

    def __init__(self, session: Session, model: Model, query: Query) -> None:
        self._session = session
        self._model = model
        self._query = query
        self._named: str | None = None

    async def chunks(self, response: httpx2.Response) -> AsyncIterator[Chunk]:
        """The pieces up to the last; a stream that ends without one was cut, or stopped for repeating itself.

        Raises:
            ProviderError: The server tells of an error, or what it sends is broken.
        """
        async for data in json_lines(response):
            line = read(data, Line, self._model.host)
            self._warn_of_elsewhere(line)
            yield await self._chunk(line)
            if line.is_last:
                self._warn_of_reload(line)
                return
        raise ProviderError(
            f"{self._model.host} ended its reply without saying that it is complete",
            kind="protocol",
            hint="ask again; Ollama also stops a model that repeats itself like this",
        )

    async def _chunk(self, line: Line) -> Chunk:
        said = line.message or Said()
        return Chunk(
            text=said.content or "",
            reasoning=said.thinking or "",
            tool_calls=map(_tool_call, said.tool_calls or ()),
            finish_reason=line.done_reason or None,
            usage=await self._usage(line) if line.is_last else None,
            model=self._who(line),
        )

    def _who(self, line: Line) -> str | None:
        """Who answers: once, and again if it is another; the cloud has names of its own."""
        if self._model.remote or line.remote_host or not line.model or line.model == self._named:
            return None
        self._named = line.model
        return line.model

    async def _usage(self, line: Line) -> Usage:
        """The counts; where too few tokens were read, with the context in force: it tells cut from cached."""
        window = None
        read_tokens = _count(line.prompt_eval_count)
        if read_tokens is not None and not self._model.remote and read_tokens < fewest_tokens(self._query):
            client = self._session.client(self._model.host)
            window = await window_of(self._session, self._model).look(client, self._model)
        return Usage(prompt_tokens=read_tokens, completion_tokens=_count(line.eval_count), context_length=window)

    def _warn_of_elsewhere(self, line: Line) -> None:
        if line.remote_host and not self._model.remote:
            self._session.warn(
                f"{self._model.id} was answered by {line.remote_host}: the prompt has left {self._model.host}, "
                "which did not list that model as remote"
            )

    def _warn_of_reload(self, line: Line) -> None:
        if self._model.loaded and (line.load_duration or 0) >= RELOADED:
            self._session.warn(
                f"{self._model.id} was loaded once more within its time to answer: something else uses "
                f"{self._model.host} too, and threw it out of memory or asks it with another context length"
            )


def _count(told: int | None) -> int | None:
    """A number of tokens; one below zero tells none."""
    return told if told is not None and told >= 0 else None


def _tool_call(call: Call) -> ToolCall:
    given = call.function.arguments
    arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return ToolCall(name=call.function.name, arguments=arguments, id=call.id or None)
