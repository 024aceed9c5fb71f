"""Fifty hosts, two hundred models, ten thousand chunks: nothing runs out, and nothing is told chunk by chunk."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING

import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama, silence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from codeconductor.testing.servers import Fault

    from tests.conftest import CommandLine

TASK = "Create a simple calculator class"
CHAT = "/api/chat"
PATIENCE = 10.0

HOSTS, MODELS, CHUNKS = 50, 4, 50
"""Hosts, models on each, and pieces of each answer."""

TEXT = "```python\ndef add(a, b):\n    return a + b\n```\n".ljust(4 * CHUNKS)
"""An answer in as many pieces of four characters."""


PATIENT = """
from codeconductor.discovery import asking
from codeconductor.http import client

asking.HOST_TIMEOUT = asking.PLUGIN_TIMEOUT = client.CONNECT_TIMEOUT = 50.0
"""
"""A module that gives hosts more time: all of these are served by this one process, for which 5 s can be too few."""


@pytest.fixture(autouse=True)
def patient_discovery(install: Callable[..., None]) -> None:
    """Has a slow machine find every host."""
    install(patient=PATIENT)


@pytest.fixture
def exits() -> Iterator[ExitStack]:
    """Stops the servers of a test, which take more files than some systems allow a process at first."""
    with ExitStack() as stack:
        if sys.platform != "win32":
            import resource

            soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
            wanted = 2000 if hard == resource.RLIM_INFINITY else min(2000, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
            stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        yield stack


def hosts(conductor: CommandLine, exits: ExitStack, faults: dict[str, Fault] | None = None) -> list[ScriptedOllama]:
    """So many servers, in reach."""
    servers = [
        exits.enter_context(ScriptedOllama(*_models(host), version="0.29.0", faults=faults)) for host in range(HOSTS)
    ]
    conductor.environment["CONDUCTOR_PROVIDERS__OLLAMA__HOSTS"] = ",".join(server.host for server in servers)
    return servers


def _models(host: int) -> Sequence[ScriptedModel]:
    return [ScriptedModel(name=f"model{host}-{number}:1b", reply=TEXT, chunk=4) for number in range(MODELS)]


def test_fifty_hosts_answer_with_two_hundred_models_in_ten_thousand_chunks(
    conductor: CommandLine, exits: ExitStack
) -> None:
    """Every answer is whole; it is told once on standard error, and not for each chunk in the log."""
    servers = hosts(conductor, exits)
    done = conductor("--json", "--timeout", "600", "--log-file", "run.log", TASK)
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)["answers"]
    assert len(answers) == HOSTS * MODELS
    assert {answer["error"] and answer["error"]["message"] for answer in answers} == {None}
    assert {answer["text"].strip() for answer in answers} == {TEXT.strip()}
    assert all(len(server.asked(CHAT)) == MODELS for server in servers)
    told = [line for line in done.stderr.splitlines() if re.match(r"ollama/model\d+-\d:1b #1: ", line)]
    assert len(told) == HOSTS * MODELS
    assert len(done.stderr.splitlines()) < len(told) + 10
    logged = (conductor.folder / "run.log").read_text(encoding="utf-8").splitlines()
    assert len(logged) < HOSTS * MODELS * CHUNKS / 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
def test_a_low_limit_of_open_files_is_raised(conductor: CommandLine, exits: ExitStack) -> None:
    """macOS allows 256 unless asked for more, and a connection to each of so many models takes them all."""
    hosts(conductor, exits)
    command = [sys.executable, "-m", "codeconductor", "--json", "--timeout", "600", TASK]
    done = subprocess.run(
        ["bash", "-c", 'ulimit -Sn 96; exec "$@"', "bash", *command],
        cwd=conductor.folder,
        env=conductor.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [answer["error"] for answer in json.loads(done.stdout)["answers"]] == [None] * HOSTS * MODELS


def was_asked(server: ScriptedOllama) -> bool:
    """For the list of its models."""
    return bool(server.asked("/api/tags"))


def was_let_go(server: ScriptedOllama) -> bool:
    """By each client that had asked it."""
    return {request.outcome for request in server.requests} == {"cancelled"}


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_while_fifty_hosts_are_asked_lets_go_of_all(conductor: CommandLine, exits: ExitStack) -> None:
    """Exit 130 at once, and each server sees its clients go."""
    servers = hosts(conductor, exits, {"*": silence()})
    process = conductor.start("--timeout", "600", TASK)
    for server in servers:
        server.wait_until(partial(was_asked, server))
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert (process.returncode, stdout) == (130, "")
    assert "Error: interrupted" in stderr
    for server in servers:
        server.wait_until(partial(was_let_go, server))


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_progress_shows_as_many_answers_as_a_terminal_has_lines(conductor: CommandLine) -> None:
    """What would be cut off is not drawn again and again; how many there are is said."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 80, 0, 0))
    models = [ScriptedModel(name=f"model{number}:1b", fault=silence(after=200)) for number in range(40)]
    with ScriptedOllama(*models) as server:
        conductor.reach(server)
        process = conductor.start("--timeout", "600", TASK, stderr=theirs)
        os.close(theirs)
        shown = b""
        while b"and 31 more" not in shown:
            shown += os.read(ours, 65536)
            assert len(shown) < 200_000
        process.send_signal(signal.SIGINT)
        with suppress(OSError):  # Linux's way to say that it is closed
            while os.read(ours, 65536):
                pass
    os.close(ours)
    assert process.wait(timeout=PATIENCE) == 130
    frame = shown.rpartition(b"Asking 40 models")[2]
    assert frame.count(b"ollama/model") <= 9
