"""Fixtures of the testing kit for core's own tests, and what several of these ask servers or install plugins with."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor.http import open_client
from codeconductor.testing import make_session, project_folder, session
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from codeconductor.testing.servers import ScriptedServer

__all__ = ["make_session", "project_folder", "session", "wire"]

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
