"""The scripted servers as a program: it serves, and refuses arguments that it does not know."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.http import open_client

if TYPE_CHECKING:
    from collections.abc import Mapping


async def _send(host: str, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
    """Status and body."""
    async with open_client(host) as client:
        response = await client.request(method, path, json=body)
        return response.status_code, response.content


def test_it_runs_as_a_program() -> None:
    """It prints its address and serves until its standard input ends."""
    command = [sys.executable, "-m", "codeconductor.testing.servers", "ollama", "--until-eof"]
    models = ["--model", "m,pace=0.0,loaded=no,capabilities=completion+tools,fault=status:418", "--model", "n,reply=Hi"]
    server = ["--fault", "/api/ps=status:404", "--set", "version=0.12.5"]
    program = subprocess.Popen([*command, *models, *server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdin is not None
    assert program.stdout is not None
    with program:
        host = program.stdout.readline().strip()
        question = {"messages": [{"role": "user", "content": "Hi"}]}
        codes = [asyncio.run(_send(host, "POST", "/api/chat", question | {"model": name}))[0] for name in ("m", "n")]
        told = [asyncio.run(_send(host, "GET", path, None)) for path in ("/api/ps", "/api/version")]
        program.stdin.close()
        assert program.wait(20) == 0
    assert codes == [418, 200]
    assert told == [(404, b""), (200, b'{"version":"0.12.5"}')]


@pytest.mark.parametrize("model", ["m,nonsense=1", "m,pace=fast", "m,fault=nonsense", "m,loaded=maybe", "m,reply=@no"])
def test_the_program_refuses_what_it_does_not_know(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong field or value is named."""
    from codeconductor.testing.servers.__main__ import main

    with pytest.raises(SystemExit):
        main(["ollama", "--model", model])
    assert model.partition(",")[2] in capsys.readouterr().err
