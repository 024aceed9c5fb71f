"""The scripted servers as a program: it serves, knows every fault by its name, and says what it does not know."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.http import open_client
from codeconductor.testing.servers import FAULTS, ScriptedModel, ScriptedOllama
from codeconductor.testing.servers.__main__ import main, read_fault

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor.testing.servers import Fault

NAMED = [
    "answered_by:other",
    "broken_gzip",
    "broken_json",
    "broken_utf8:1",
    "chunked",
    "cut:40",
    "dies:2",
    "dies_idle",
    "empty",
    "endless:0.5+reasoning=yes",
    "error_frame:2+out of memory",
    "failed:404",
    "gzip_bomb:1000000",
    "gzipped",
    "held_until:3",
    "huge_frame:1000000",
    "no_final",
    "only_reasoning",
    "overflowed:20+10",
    "overloaded:429+2+as_date=yes",
    "rechunked:1",
    "redirected:http://127.0.0.1:1",
    "removed",
    "reset:40",
    "silence:40",
    "status:418",
    "unloaded:1",
    "with_length",
]


async def _send(host: str, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes]:
    """Status and body."""
    async with open_client(host) as client:
        response = await client.request(method, path, json=body)
        return response.status_code, response.content


def model(fault: Fault | None = None, name: str = "m") -> ScriptedModel:
    return ScriptedModel(name=name, reply="Grüße, 世界!", chunk=3, fault=fault)


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


# Faults by name


def test_every_fault_can_be_named_on_the_command_line() -> None:
    """With its arguments, by position or by name."""
    assert [text.partition(":")[0] for text in NAMED] == sorted(FAULTS)
    assert all(callable(read_fault(text)) for text in NAMED)


def test_faults_of_others_can_be_named_too(wire: Any) -> None:
    """For the first requests alone, and several of one reply."""
    fault = read_fault("only_first:1+overloaded:429+retry_after=2")
    with ScriptedOllama(model(fault), model(read_fault("with_length|cut:5"), name="both")) as server:
        first, second, both = wire.chat(server), wire.chat(server), wire.chat(server, "both")
    assert (first.status, first.headers["retry-after"], second.status) == (429, "2", 200)
    assert (len(both.body), both.error) == (5, "RemoteProtocolError")


@pytest.mark.parametrize(
    "words",
    [["--fault", "/api/tags=nonsense"], ["--fault", "/=cut:1+2+3"], ["--set", "nonsense=1"], ["--set", "caches=maybe"]],
)
def test_the_program_refuses_faults_and_arguments_that_it_does_not_know(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What was wrong is repeated."""
    with pytest.raises(SystemExit):
        main(["ollama", "--model", "m", *words])
    assert words[1] in capsys.readouterr().err


def test_the_help_of_the_program_lists_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    """With its arguments in their order."""
    with pytest.raises(SystemExit):
        main(["--help"])
    told = capsys.readouterr().out
    assert "overloaded:code+retry_after+as_date\n" in told
    assert all(f"\n  {name}" in told for name in (*FAULTS, "only_first"))
