"""Agents on the command line: what is filled in, what they see, and how they end."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING

import codeconductor_coder_command
import pytest
from codeconductor import Assignment, Session
from codeconductor.testing import a_bench, a_task
from codeconductor_coder_command._coder import CommandCoder, coders
from codeconductor_coder_command._settings import KNOWN, CommandSettings

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor import Written
    from codeconductor.testing import MakeSession

REPORT = "import json, sys; json.dump([sys.argv[1:], sys.stdin.read()], open('seen.json', 'w'))"


async def written(session: Session, folder: Path, *, prompt: str = "Write it.", **fields: object) -> Written:
    """What comes of a coder with these settings."""
    coder = CommandCoder(name="scribe", settings=CommandSettings(**fields))  # type: ignore[arg-type]  # as the test says
    assignment = Assignment(prompt=prompt, folder=folder, round=1, task=a_task(), bench=a_bench())
    return await coder.write(session, assignment)


@pytest.mark.anyio
async def test_fields_are_filled_in_once_and_without_a_shell(session: Session, tmp_path: Path) -> None:
    """What the prompt has in braces, quotes and dollars stays as it is."""
    prompt = "{folder} $(rm -rf /) `x` \"y\" 'z'"
    argv = (sys.executable, "-c", REPORT, "{prompt}", "in={folder}", "{other}")
    done = await written(session, tmp_path, prompt=prompt, argv=argv)
    assert done.error is None, done.output
    assert json.loads((tmp_path / "seen.json").read_text()) == [[prompt, f"in={tmp_path}", "{other}"], ""]


@pytest.mark.anyio
async def test_the_prompt_comes_on_standard_input_where_it_is_wanted(session: Session, tmp_path: Path) -> None:
    """All of it, and then an end."""
    prompt = "ä" * 300_000
    await written(session, tmp_path, prompt=prompt, argv=(sys.executable, "-c", REPORT), stdin="prompt")
    assert json.loads((tmp_path / "seen.json").read_text()) == [[], prompt]


@pytest.mark.anyio
async def test_a_prompt_that_is_too_long_for_an_argument_is_told(session: Session, tmp_path: Path) -> None:
    """The hint names the file in place of it."""
    done = await written(session, tmp_path, prompt="x" * 200_000, argv=(sys.executable, "-c", "", "{prompt}"))
    assert done.error is not None
    assert "{prompt_file}" in (done.error.hint or "")


@pytest.mark.anyio
async def test_a_program_that_does_not_end_is_ended(session: Session, tmp_path: Path) -> None:
    """Also one that does not want to hear of it."""
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('on', flush=True); time.sleep(600)"
    )
    done = await written(session, tmp_path, argv=(sys.executable, "-c", stubborn), timeout=1.0)
    assert done.error is not None
    assert done.error.kind == "timeout"


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of the program."""
    return "asyncio"


def test_a_table_of_a_known_name_takes_the_place_of_ours(make_session: MakeSession) -> None:
    """It still says where prompts go."""
    tables = {"coders": {"command": {"claude": {"argv": ["mine"]}}}}
    session = make_session(tables, coder_command=codeconductor_coder_command)
    (claude,) = [coder for coder in coders(session) if coder.name == "claude"]
    assert claude.settings.argv == ("mine",)
    assert claude.sends
    assert {coder.name for coder in coders(session)} == set(KNOWN)


def test_a_known_agent_is_there_where_its_program_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nowhere else."""
    coder = CommandCoder(name="codex", settings=KNOWN["codex"].settings, remedy=KNOWN["codex"].remedy)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert coder.found() is None
    (tmp_path / "codex").touch(mode=0o755)
    assert coder.found() == str(tmp_path / "codex")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_program_does_not_outlive_a_conductor_that_is_killed(tmp_path: Path) -> None:
    """Nor does what it has started: both hold a pipe open, whose end comes when they are gone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    grandchild = "import time; time.sleep(600)"
    child = (
        f"import subprocess, sys, time\npipe = open({str(pipe)!r}, 'w')\n"
        f"subprocess.Popen([sys.executable, '-c', {grandchild!r}], pass_fds=[pipe.fileno()])\n"
        "pipe.write('on')\npipe.flush()\ntime.sleep(600)\n"
    )
    conductor = (
        "import asyncio, pathlib, sys\nfrom codeconductor_coder_command._process import run\n"
        f"asyncio.run(run([sys.executable, '-c', {child!r}], folder=pathlib.Path({str(tmp_path)!r}), environment={{}}, "
        "given=b'', timeout=600.0))\n"
    )
    killed = subprocess.Popen([sys.executable, "-c", conductor])
    with pipe.open("rb", buffering=0) as held:
        assert held.read(2) == b"on"
        killed.kill()
        killed.wait()
        assert select.select([held], [], [], 60.0)[0], "it goes on running"
        assert held.read(1) == b""
