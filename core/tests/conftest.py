"""Fixtures of the testing kit for core's own tests, and what several of these ask servers or install plugins with."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import attrs
import httpx2
import pytest
from codeconductor import Message, ProviderError, Query, stream_openai_chat
from codeconductor.http import open_client
from codeconductor.testing import make_session, project_folder, session
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
    from pathlib import Path

    from codeconductor import Chunk, ToolCall, Usage
    from codeconductor.testing.servers import ScriptedServer

__all__ = ["make_session", "project_folder", "session", "wire"]

HOST = "http://127.0.0.1:1"
QUERY = Query(messages=[Message("user", "Hello?")])

# how long an example takes is a matter of the machine
settings.register_profile("core", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("core")


@attrs.define
class Reply:
    """What arrived; `error` is the name of what broke it off."""

    status: int = 0
    headers: Mapping[str, str] = attrs.field(factory=dict)
    chunks: list[bytes] = attrs.field(factory=list)
    error: str | None = None

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def objects(self) -> list[dict[str, Any]]:
        """The JSON objects of a stream, of either kind."""
        lines = [line.removeprefix("data: ") for line in self.body.decode().split("\n")]
        return [json.loads(line) for line in lines if line.startswith("{")]

    @property
    def text(self) -> str:
        """What the answer says, put together."""
        deltas = [
            one["message"] if "done" in one else one["choices"][0]["delta"]
            for one in self.objects
            if "done" in one or one.get("choices")
        ]
        return "".join(delta.get("content", "") for delta in deltas)


class Wire:
    """Asks over one client at a time; chunks are those of the network."""

    async def send(self, client: Any, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        reply = Reply()
        try:
            async with client.stream(method, path, json=body) as response:
                reply.status, reply.headers = response.status_code, response.headers
                async for chunk in response.aiter_raw():
                    reply.chunks.append(chunk)
        except Exception as exc:
            reply.error = type(exc).__name__
        return reply

    def question(self, server: ScriptedServer, model: str = "m", **more: Any) -> tuple[str, str, dict[str, Any]]:
        """Method, path and body of a question."""
        path = "/api/chat" if type(server).__name__ == "ScriptedOllama" else "/v1/chat/completions"
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
        return "POST", path, body | more

    async def ask(self, host: str, *requests: tuple[Any, ...]) -> list[Reply]:
        """Ask one after the other, on one connection as long as it holds."""
        async with open_client(host) as client:
            return [await self.send(client, *request) for request in requests]

    def get(self, server: ScriptedServer, path: str) -> Reply:
        return asyncio.run(self.ask(server.host, ("GET", path)))[0]

    def post(self, server: ScriptedServer, path: str, **body: Any) -> Reply:
        return asyncio.run(self.ask(server.host, ("POST", path, body)))[0]

    def chat(self, server: ScriptedServer, model: str = "m", **more: Any) -> Reply:
        return asyncio.run(self.ask(server.host, self.question(server, model, **more)))[0]


@pytest.fixture
def wire() -> Wire:
    """Asks scripted servers as any client does."""
    return Wire()


@pytest.fixture
def idle_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle connection does not grow too old for use, however long the machine stops between two requests."""
    monkeypatch.setattr("codeconductor.http.client.KEEPALIVE", 3600.0)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts distributions into a folder of the path: metadata and, where there is a source, a module."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)

    def add(distribution: str, entry_points: str, **modules: str) -> None:
        info = folder / f"{distribution}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(entry_points)
        for name, source in modules.items():
            (folder / f"{name}.py").write_text(source)

    yield add
    for name in set(sys.modules) - before:
        if name.startswith("plug_"):
            del sys.modules[name]


@attrs.frozen
class Told:
    """What came out of a stream of chunks, and what was asked for."""

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    usage: Usage | None
    error: ProviderError | None
    bodies: list[dict[str, Any]]
    answered_by: list[str]
    chunks: list[Chunk]


def _ask(*replies: tuple[int, str, bytes], query: Query = QUERY, pieces: int | None = None, **options: Any) -> Told:
    """Ask a server that gives these replies, each (status, type, body); `pieces`: bytes of one network piece."""
    left, bodies = list(replies), []

    class Stream(httpx2.AsyncByteStream):
        def __init__(self, content: bytes) -> None:
            self._content = content

        async def __aiter__(self) -> AsyncIterator[bytes]:
            step = pieces or len(self._content) or 1
            for start in range(0, len(self._content), step):
                yield self._content[start : start + step]

    def handle(request: httpx2.Request) -> httpx2.Response:
        bodies.append(json.loads(request.content))
        status, kind, content = left.pop(0)
        return httpx2.Response(status, headers={"content-type": kind}, stream=Stream(content))

    async def read() -> Told:
        chunks: list[Chunk] = []
        error = None
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(handle), base_url=HOST) as client:
            try:
                async for chunk in stream_openai_chat(client, "m", query, **options):
                    chunks.append(chunk)
            except ProviderError as exc:
                error = exc
        return Told(
            text="".join(chunk.text for chunk in chunks),
            reasoning="".join(chunk.reasoning for chunk in chunks),
            tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
            finish_reason=next((c.finish_reason for c in reversed(chunks) if c.finish_reason), None),
            usage=next((c.usage for c in reversed(chunks) if c.usage), None),
            error=error,
            bodies=bodies,
            answered_by=[chunk.model for chunk in chunks if chunk.model],
            chunks=chunks,
        )

    return asyncio.run(read())


@pytest.fixture
def ask() -> Callable[..., Told]:
    """Asks a server of OpenAI's dialect that gives the replies of the test, one after the other."""
    return _ask
