"""A run that is interrupted, terminated or killed: requests are cancelled, and what was complete is kept."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama, overloaded, silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import CommandLine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

TASK = "Create a simple calculator class"
CHAT = "/api/chat"
PATIENCE = 10.0


@pytest.fixture
def ollama(conductor: CommandLine) -> Iterator[ScriptedOllama]:
    """An Ollama with a model that answers at once, and one that says something and never ends."""
    with ScriptedOllama("fast:1b", ScriptedModel(name="slow:1b", fault=silence(after=200))) as server:
        conductor.reach(server)
        yield server


def start_and_wait(conductor: CommandLine, ollama: ScriptedOllama, *options: str) -> subprocess.Popen[str]:
    """A run whose fast model has answered and whose slow one is being waited for."""
    process = conductor.start("--timeout", "600", *options, TASK)
    ollama.wait_until(lambda: bool(ollama.asked(CHAT, "slow:1b")))
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("ollama/fast:1b #1:"):
            return process
    raise AssertionError("the run ended without the fast model's answer")


def is_left(ollama: ScriptedOllama) -> bool:
    """Whether the client of the slow model went away."""
    return [request.outcome for request in ollama.asked(CHAT, "slow:1b")] == ["cancelled"]


def last_run(conductor: CommandLine) -> dict[str, Any]:
    """The newest run of the history, with its status."""
    (listed,) = json.loads(conductor("history", "--json").stdout)["runs"]
    run = json.loads(conductor("show", "last", "--json").stdout)
    assert run["id"] == listed["id"]
    return {**run, "status": listed["status"]}


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels_the_requests_and_keeps_the_answers(
    conductor: CommandLine, ollama: ScriptedOllama, number: signal.Signals
) -> None:
    """Exit 130 without a traceback; the server sees its client go; the complete answer is recorded."""
    process = start_and_wait(conductor, ollama)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert stdout == ""
    assert "Error: interrupted\nHint: what was complete is recorded" in stderr
    assert "Traceback" not in stderr
    ollama.wait_until(lambda: is_left(ollama))
    run = last_run(conductor)
    assert run["status"] == "interrupted"
    answers = {answer["model"]: answer for answer in run["answers"]}
    assert answers["ollama/fast:1b"]["error"] is None
    assert "class Calculator" in answers["ollama/fast:1b"]["text"]
    assert "ollama/slow:1b" not in answers or answers["ollama/slow:1b"]["error"]["kind"] == "cancelled"
    assert (run["consensus"], run["prompt"]) == (None, None)


def test_an_interrupted_run_that_is_not_recorded_promises_nothing(
    conductor: CommandLine, ollama: ScriptedOllama
) -> None:
    """With `--no-history` nobody is sent to `conductor show last`."""
    process = start_and_wait(conductor, ollama, "--no-history")
    process.send_signal(signal.SIGINT)
    _stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "show last" not in stderr
    assert json.loads(conductor("history", "--json").stdout)["runs"] == []


def test_an_interrupt_while_a_model_loads_ends_the_load(conductor: CommandLine) -> None:
    """The server sees the client of the load go, and is asked nothing more."""
    with ScriptedOllama(ScriptedModel(name="cold:70b", loaded=False, load_seconds=600)) as ollama:
        conductor.reach(ollama)
        process = conductor.start("--load-timeout", "600", TASK)
        ollama.wait_until(lambda: bool(ollama.loads))
        interrupt(process)
        ollama.wait_until(lambda: len(ollama.cancelled("/api/generate", "cold:70b")) == 1)
        assert ollama.loads[0].ended is None
        assert ollama.asked(CHAT) == []


def test_an_interrupt_while_an_overloaded_server_is_waited_for_asks_it_no_more(conductor: CommandLine) -> None:
    """The pause before the next try ends with it."""
    busy = ScriptedModel(name="busy:1b", fault=overloaded(retry_after=500))
    with ScriptedOllama(busy) as ollama:
        conductor.reach(ollama)
        process = conductor.start("--timeout", "600", "-n", "1", TASK)
        ollama.wait_until(lambda: [request.outcome for request in ollama.asked(CHAT)] == ["answered"])
        interrupt(process)
        assert len(ollama.asked(CHAT)) == 1


def interrupt(process: subprocess.Popen[str]) -> None:
    """Ctrl-C, which must end it as it should, and not by the emergency exit that says nothing."""
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (130, "")
    assert "Error: interrupted" in stderr
    assert "Traceback" not in stderr


CLINGING = """
import asyncio, sys
from codeconductor import Chunk, Model, hookimpl

@hookimpl
async def conductor_discover_models():
    return [Model(provider="acme", name="clinging", host="memory:", loaded=True)]

@hookimpl
def conductor_query_model(session, model, query):
    return answer() if model.provider == "acme" else None

async def answer():
    try:
        yield Chunk(text="Hello")
        print("asked", file=sys.stderr, flush=True)
        await asyncio.sleep(600)
    finally:
        print("clinging", file=sys.stderr, flush=True)
        await asyncio.sleep(600)
"""
"""A provider that does not let go of a request that is cancelled."""


def test_a_plugin_that_does_not_let_go_is_not_waited_for(conductor: CommandLine, install: Callable[..., None]) -> None:
    """Exit 130 soon after a single Ctrl-C, whatever a plugin's cleanup takes."""
    install(acme=CLINGING)
    process = conductor.start("--timeout", "600", "--provider", "acme", "-n", "1", TASK)
    assert process.stderr is not None
    assert "asked\n" in process.stderr
    wait_for_a_row(conductor, "run")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert last_run(conductor)["status"] == "interrupted"


@pytest.mark.usefixtures("unhurried")
def test_a_second_interrupt_ends_at_once(conductor: CommandLine, install: Callable[..., None]) -> None:
    """It does not wait for the end of the patience, which never comes here."""
    install(acme=CLINGING)
    process = conductor.start("--timeout", "600", "--provider", "acme", "-n", "1", TASK)
    assert process.stderr is not None
    assert "asked\n" in process.stderr
    process.send_signal(signal.SIGINT)
    assert "clinging\n" in process.stderr
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE) == 130


LATE = """
import os, signal

class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.NUMBER):  # when modules are cleared away
        kill(pid, number)

last = Last()
"""
"""A module that gets a signal at the very end of its process."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_second_interrupt_while_the_process_ends_leaves_its_exit_code(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None], number: signal.Signals
) -> None:
    """Python gives signals back to the system as it ends: then the process counted as killed."""
    install(acme=LATE.replace("NUMBER", number.name))
    process = start_and_wait(conductor, ollama)
    process.send_signal(number)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130


def test_a_terminal_that_is_stopped_does_not_keep_the_command_alive(conductor: CommandLine) -> None:
    """After Ctrl-S, or where a connection hangs, nothing can be written: Ctrl-C ends the command all the same."""
    import pty

    ours, theirs = pty.openpty()
    models = [ScriptedModel(name=f"model{number}:1b", fault=silence(after=200)) for number in range(100)]
    with ScriptedOllama(*models) as server:
        conductor.reach(server)
        process = conductor.start("--timeout", "600", TASK, stderr=theirs)
        server.wait_until(lambda: len(server.asked(CHAT)) == 100)
        fill(theirs)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=PATIENCE) == 130
    os.close(theirs)
    os.close(ours)


def fill(terminal: int) -> None:
    """Write to a terminal that nobody reads until it takes nothing more."""
    os.set_blocking(terminal, False)
    with suppress(BlockingIOError):
        while os.write(terminal, b"x" * 1024):
            pass
    os.set_blocking(terminal, True)


def test_an_interrupt_while_looking_around_is_130(conductor: CommandLine) -> None:
    """During discovery too, which waits for a host that says nothing."""
    with ScriptedOllama("fast:1b", faults={"*": silence()}) as ollama:
        conductor.reach(ollama)
        process = conductor.start("models")
        ollama.wait_until(lambda: bool(ollama.requests))
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (130, "")
    assert "Traceback" not in stderr


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="tells whether a process is asleep")
def test_an_interrupt_while_standard_input_is_awaited_is_130(conductor: CommandLine) -> None:
    """Whoever forgot that `-c -` waits for them presses Ctrl-C."""
    process = conductor.start("-c", "-", TASK, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write("x" * 100_000)  # more than a pipe holds: now it is being read
    process.stdin.flush()
    stat = Path(f"/proc/{process.pid}/stat")
    end = time.monotonic() + PATIENCE
    while stat.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "S":  # all is read, and more awaited
        assert time.monotonic() < end
    process.send_signal(signal.SIGTERM)  # SIGINT is ignored by what a shell starts in the background
    assert process.wait(timeout=PATIENCE) == 130
    assert process.stderr is not None
    stderr = process.stderr.read()
    assert "Error: interrupted\nHint: nothing was recorded" in stderr
    assert "Traceback" not in stderr


def test_an_interrupt_ends_a_plugin_that_swallows_its_cancellation(
    conductor: CommandLine, install: Callable[..., None]
) -> None:
    """And still it is said that the command was interrupted."""
    install(
        acme="import asyncio, sys\nfrom codeconductor import hookimpl\n"
        "@hookimpl\nasync def conductor_discover_models(session):\n"
        "    print('looking', file=sys.stderr, flush=True)\n"
        "    while True:\n        try:\n            await asyncio.sleep(3600)\n"
        "        except BaseException:\n            pass\n"
    )
    process = conductor.start("models")
    assert process.stderr is not None
    assert any(line == "looking\n" for line in process.stderr)
    process.send_signal(signal.SIGINT)
    _stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Error: interrupted" in stderr


def test_an_interrupt_ends_a_plugin_that_never_waits(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None]
) -> None:
    """A strategy in a loop without end must not take the keyboard away; the answer is recorded."""
    install(
        acme="import sys, time\nfrom codeconductor import hookimpl\n"
        "class Stuck:\n    name = 'stuck'\n    async def decide(self, task, answers, bench):\n"
        "        print('deciding', file=sys.stderr, flush=True)\n        while True:\n            time.sleep(1)\n"
        "@hookimpl\ndef conductor_consensus_strategies():\n    return [Stuck()]\n"
    )
    process = conductor.start("-s", "stuck", "-m", "fast*", "-n", "1", TASK)
    assert process.stderr is not None
    assert any(line == "deciding\n" for line in process.stderr)
    wait_for_a_row(conductor, "answer")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    run = last_run(conductor)
    assert (run["status"], len(run["answers"])) == ("interrupted", 1)


def test_a_terminal_that_closes_interrupts(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """SIGHUP while the live progress can no longer be shown: the run ends as by Ctrl-C."""
    import pty

    ours, theirs = pty.openpty()
    process = conductor.start("--timeout", "600", TASK, stderr=theirs)
    os.close(theirs)
    shown = b""
    while b"\xe2\x9c\x93 ollama/fast:1b" not in shown:
        shown += os.read(ours, 65536)
    wait_for_a_row(conductor, "run")
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert last_run(conductor)["status"] == "interrupted"


def test_a_kill_leaves_what_arrived(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """No handler runs, and still the answer that was complete can be read, and further runs be made."""
    process = start_and_wait(conductor, ollama)
    wait_for_a_row(conductor, "answer")
    process.kill()
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL
    run = last_run(conductor)
    assert run["status"] == "interrupted"
    (answer,) = run["answers"]
    assert answer["model"] == "ollama/fast:1b"
    assert "class Calculator" in answer["text"]
    again = conductor("-m", "fast*", "-n", "1", TASK)
    assert again.returncode == 0, again.stderr
    assert len(json.loads(conductor("history", "--json").stdout)["runs"]) == 2


def wait_for_a_row(conductor: CommandLine, table: str) -> None:
    """Until a run or an answer is committed, as another process sees it: it is written in a thread of its own."""
    end = time.monotonic() + PATIENCE
    while not has_rows(conductor, table):
        assert time.monotonic() < end, f"no {table} was written down"


def has_rows(conductor: CommandLine, table: str) -> bool:
    """Whether the file is there, and has the table with something in it."""
    try:
        with closing(sqlite3.connect(f"{(conductor.data / 'history.db').as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
    except sqlite3.OperationalError:
        return False
