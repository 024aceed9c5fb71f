"""`conductor models` and `doctor`: which server, what is loaded, what a run asks in which order, and what to do."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from codeconductor.testing.servers import ScriptedLMStudio, ScriptedModel, ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import CommandLine

TASK = "Create a simple calculator class"

tells_memory = pytest.mark.skipif(not hasattr(os, "sysconf"), reason="this system does not tell its memory")


@pytest.fixture
def servers(conductor: CommandLine) -> Iterator[tuple[ScriptedOllama, ScriptedLMStudio]]:
    """An Ollama with models of every state, and an LM Studio that is older than 0.4."""
    ollama = ScriptedOllama(
        ScriptedModel(name="cold:8b", loaded=False),
        ScriptedModel(name="warm:7b", context_length=131072, loaded_context_length=4096),
        ScriptedModel(name="giant:405b", size=10**16, loaded=False),
        ScriptedModel(name="vectors:latest", embedding=True, loaded=False),
        ScriptedModel(name="far:120b-cloud", remote=True),
        version="0.30.1",
    )
    with ollama, ScriptedLMStudio("studio/coder", native="v0") as studio:
        conductor.reach(ollama, studio)
        yield ollama, studio


def cells(table: str) -> dict[str, list[str]]:
    """The rows of a table by their first cells."""
    return {line.split()[0]: line.split()[1:] for line in table.splitlines()[1:]}


@tells_memory
def test_models_tell_their_states_and_the_order_of_a_run(
    conductor: CommandLine, servers: tuple[ScriptedOllama, ScriptedLMStudio]
) -> None:
    """Those with a number are what a run asks, and in that order; below stand the servers."""
    ollama, studio = servers
    listed = conductor("models")
    table, _, below = listed.stdout.partition("\n\n")
    rows = cells(table)
    assert list(rows)[:3] == ["lmstudio/studio/coder", "ollama/warm:7b", "ollama/cold:8b"]
    assert rows["lmstudio/studio/coder"][:2] == ["1", "loaded"]
    assert " ".join(rows["ollama/warm:7b"]).startswith("2 loaded, 4.7 GB 4,096 of 131,072 4.7 GB")
    assert " ".join(rows["ollama/cold:8b"]).startswith("3 not loaded 32,768 4.7 GB")
    assert rows["ollama/giant:405b"][:2] == ["too", "large"]
    assert rows["ollama/vectors:latest"][0] == "embedding"
    assert rows["ollama/far:120b-cloud"][0] == "remote"
    assert below.splitlines() == [
        f"{studio.host}: LM Studio 0.3.6 or later, 1 model, 1 loaded",
        f"{ollama.host}: Ollama 0.30.1, 5 models, 1 loaded (4.7 GB of memory)",
    ]
    asked = json.loads(conductor("--json", "-n", "1", TASK).stdout)["models"]
    assert asked == ["lmstudio/studio/coder", "ollama/warm:7b", "ollama/cold:8b"]


def test_the_document_tells_the_server_and_both_contexts(
    conductor: CommandLine, servers: tuple[ScriptedOllama, ScriptedLMStudio]
) -> None:
    """As programs read it."""
    found = json.loads(conductor("models", "--json").stdout)["models"]
    models = {model["name"]: model for model in found}
    assert models["warm:7b"]["server"] == "Ollama 0.30.1"
    assert (models["warm:7b"]["context_length"], models["warm:7b"]["max_context_length"]) == (4096, 131072)
    assert models["studio/coder"]["server"] == "LM Studio 0.3.6 or later"


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_a_table_of_models_fits_a_terminal_of_80_columns(
    conductor: CommandLine, servers: tuple[ScriptedOllama, ScriptedLMStudio]
) -> None:
    """What does not fit is left out, and nothing is folded; a wide one has it all."""
    narrow = conductor.on_terminal("models", "-q", columns=80).replace("\r", "")
    wide = conductor.on_terminal("models", "-q", columns=160).replace("\r", "")
    assert all(len(line) <= 80 for line in narrow.splitlines())
    assert narrow.splitlines()[0].split() == ["model", "asked", "state", "context", "size"]
    assert wide.splitlines()[0].split()[5:] == ["weights", "quantization", "capabilities"]
    assert list(cells(narrow.partition("\n\n")[0])) == list(cells(wide.partition("\n\n")[0]))


def test_a_server_does_not_steer_the_terminal_by_its_version(conductor: CommandLine) -> None:
    """Control characters are shown, not obeyed."""
    with ScriptedOllama("a:1b") as ollama:
        ollama.version = "1.0\x1b[2J\nBAD   plugin: none"
        conductor.reach(ollama)
        assert "Ollama 1.0\\x1b[2J BAD plugin: none, 1 model" in conductor("models").stdout
        assert "Ollama 1.0\\x1b[2J BAD plugin: none, 1 model" in conductor("doctor").stdout


@tells_memory
def test_doctor_tells_of_every_server_and_what_to_do(
    conductor: CommandLine, servers: tuple[ScriptedOllama, ScriptedLMStudio]
) -> None:
    """Version, models, what is loaded; what is too large; what a run asks; and a remedy for what is old."""
    ollama, studio = servers
    lines = conductor("doctor").stdout.splitlines()
    assert any(line.startswith("ok    memory: ") for line in lines)
    assert f"ok    ollama: {ollama.host}: Ollama 0.30.1, 5 models; loaded: warm:7b (4.7 GB)" in lines
    old = lines.index(f"note  lmstudio: {studio.host}: LM Studio 0.3.6 or later, 1 model; loaded: studio/coder")
    assert lines[old + 1].strip().startswith("update LM Studio")
    large = lines.index("note  too large for this machine's memory: ollama/giant:405b (10000000.0 GB)")
    assert "--model" in lines[large + 1]
    order = "1. lmstudio/studio/coder, 2. ollama/warm:7b, 3. ollama/cold:8b"
    assert f"ok    a run would ask: {order}" in lines


def test_doctor_tells_that_every_command_compiles_anew(conductor: CommandLine, tmp_path: Path) -> None:
    """Where Python may keep no compiled code and there is none, each start is a second longer; nobody sees why."""
    conductor.environment.update(PYTHONPYCACHEPREFIX=str(tmp_path / "compiled"), PYTHONDONTWRITEBYTECODE="1")
    lines = conductor("doctor").stdout.splitlines()
    told = next(index for index, line in enumerate(lines) if line.startswith("note  compiled code: is not kept"))
    assert lines[told + 1].strip() == "unset PYTHONDONTWRITEBYTECODE"
    del conductor.environment["PYTHONDONTWRITEBYTECODE"]
    assert "compiled code" not in conductor("doctor").stdout


def test_doctor_tells_what_to_do_about_a_server_that_is_not_there(conductor: CommandLine) -> None:
    """And about an Ollama of the year before last; exit 0 all the same."""
    with ScriptedOllama("a:1b", version="0.5.1") as ollama:
        conductor.reach(ollama)
        done = conductor("doctor")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    old = lines.index(f"note  ollama: {ollama.host}: Ollama 0.5.1, 1 model; loaded: a:1b (4.7 GB)")
    assert lines[old + 1].strip().startswith("update Ollama")
    gone = next(number for number, line in enumerate(lines) if line.startswith("note  lmstudio at http://127.0.0.1:9:"))
    assert "lms server start" in lines[gone + 1]
    assert "ok    a run would ask: ollama/a:1b" in lines
