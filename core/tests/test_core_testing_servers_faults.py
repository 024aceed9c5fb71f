"""A scripted server goes wrong as it is told: it breaks off, falls silent, refuses, or says something else."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.http import open_client
from codeconductor.testing.servers import (
    ScriptedLMStudio,
    ScriptedModel,
    ScriptedOllama,
    ScriptedOpenAI,
    ScriptedServer,
    broken_json,
    broken_utf8,
    cut,
    empty,
    error_frame,
    no_final,
    only_first,
    only_reasoning,
    refusing_host,
    reset,
    silence,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor.testing.servers import Fault

CHAT = {ScriptedOllama: "/api/chat", ScriptedLMStudio: "/v1/chat/completions", ScriptedOpenAI: "/v1/chat/completions"}
KINDS = pytest.mark.parametrize("kind", list(CHAT), ids=lambda kind: kind.__name__)


async def _send(host: str, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
    """Status and body; what broke the exchange off is raised, with what had arrived as its `args`."""
    arrived = b""
    async with open_client(host) as client, client.stream(method, path, json=body) as response:
        try:
            async for piece in response.aiter_raw():
                arrived += piece
        except Exception as exc:
            exc.args = (arrived,)
            raise
        return response.status_code, arrived


def get(server: ScriptedServer, path: str) -> tuple[int, bytes]:
    return asyncio.run(_send(server.host, "GET", path, None))


def chat(server: ScriptedServer, model: str = "m") -> tuple[int, bytes]:
    body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    return asyncio.run(_send(server.host, "POST", CHAT[type(server)], body))


def objects(body: bytes) -> list[dict[str, Any]]:
    """The JSON objects of a stream, of either kind."""
    lines = [line.removeprefix("data: ") for line in body.decode().split("\n")]
    return [json.loads(line) for line in lines if line.startswith("{")]


@KINDS
@pytest.mark.parametrize(
    ("fault", "arrives"),
    [(cut(30), 30), (cut(0), 0), (cut(200), 200), (reset(), 0), (reset(30), 30)],
    ids=["cut 30", "cut 0", "cut 200", "reset at once", "reset 30"],
)
def test_a_stream_is_broken_off_at_any_byte(kind: Any, fault: Fault, arrives: int) -> None:
    """Just so many bytes arrive, and then the exchange fails."""
    with kind(ScriptedModel(name="m", fault=fault)) as server:
        with pytest.raises(Exception) as caught:
            chat(server)
        assert type(caught.value).__name__ in {"RemoteProtocolError", "ReadError"}
        arrived = caught.value.args[0]
        assert len(arrived if isinstance(arrived, bytes) else b"") == arrives
        server.wait_until(lambda: server.asked(CHAT[kind])[0].outcome == "broken")


@KINDS
@pytest.mark.parametrize("after", [None, 0, 40])
def test_a_silent_server_holds_the_connection_until_the_client_leaves(kind: Any, after: int | None) -> None:
    """Nothing more arrives; that the client went away is recorded."""
    with kind(ScriptedModel(name="m", fault=silence(after))) as server:

        async def ask() -> int:
            size = 0
            body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
            async with open_client(server.host) as client, client.stream("POST", CHAT[kind], json=body) as response:
                async for piece in response.aiter_raw():
                    size += len(piece)
                    if size == after:
                        break
            return size

        async def leave() -> None:
            task = asyncio.ensure_future(ask())
            if after:
                assert await task == after
            else:
                await asyncio.to_thread(server.wait_until, lambda: bool(server.requests))
                assert not task.done()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

        asyncio.run(leave())
        server.wait_until(lambda: server.requests[0].outcome == "cancelled")


@KINDS
def test_a_fault_can_change_what_is_said(kind: Any) -> None:
    """A status, an error frame, torn JSON, a wrong byte, no end, nothing, reasoning alone."""
    faults = {
        "busy": status(503, {"error": "busy"}),
        "proxy": status(502, "<html>Bad Gateway</html>"),
        "error": error_frame(1, "out of memory"),
        "torn": broken_json(),
        "byte": broken_utf8(1),
        "endless": no_final(),
        "empty": empty(),
        "thinks": only_reasoning("hm"),
    }
    models = [ScriptedModel(name=name, reply="Hello", chunk=1, fault=fault) for name, fault in faults.items()]
    with kind(*models, "whole") as server:
        said = {name: chat(server, name) for name in (*faults, "whole")}
    assert said["busy"] == (503, b'{"error": "busy"}')
    assert said["proxy"] == (502, b"<html>Bad Gateway</html>")
    assert b"out of memory" in said["error"][1].splitlines()[-1 if kind is ScriptedOllama else -2]
    assert (b'"content":"H"' in said["error"][1], b'"content":"e"' in said["error"][1]) == (True, False)
    with pytest.raises(ValueError):
        objects(said["torn"][1])
    with pytest.raises(UnicodeDecodeError):
        said["byte"][1].decode()
    assert b"stop" in said["whole"][1]
    assert b"stop" not in said["endless"][1]
    assert b"stop" in said["empty"][1]
    assert b"hm" in said["thinks"][1]
    assert not any(letter in said["thinks"][1] for letter in (b'"content":"H"', b'"content":"e"'))


def test_a_fault_can_befall_any_path_and_the_first_requests_alone() -> None:
    """Discovery goes wrong as well; what was cut once may work the next time."""
    with ScriptedOllama("m", faults={"/api/tags": only_first(1, status(500)), "/api/ps": cut(10)}) as server:
        assert [get(server, "/api/tags")[0] for _ in range(2)] == [500, 200]
        with pytest.raises(Exception) as caught:
            get(server, "/api/ps")
        assert caught.value.args == (b'{"models":',)


def test_a_host_can_refuse_connections_from_the_start_or_later() -> None:
    """As when nothing listens there, or when the server was killed in between."""
    with refusing_host() as host, pytest.raises(Exception) as caught:
        asyncio.run(_send(host, "GET", "/", None))
    assert type(caught.value).__name__ == "ConnectError"
    with ScriptedOllama("m") as server:
        assert get(server, "/")[0] == 200
        server.refuse()
        with pytest.raises(Exception) as caught:
            get(server, "/")
    assert type(caught.value).__name__ == "ConnectError"
