"""A run that the history could not take is not promised to be there."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama, silence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import CommandLine

TASK = "Create a simple calculator class"
PATIENCE = 10.0


@pytest.fixture
def ollama(conductor: CommandLine) -> Iterator[ScriptedOllama]:
    """A model that answers and one that does not end, beside a history that cannot be written."""
    (conductor.data / "history.db").mkdir(parents=True)
    with ScriptedOllama("fast:1b", ScriptedModel(name="slow:1b", fault=silence(after=200))) as server:
        conductor.reach(server)
        yield server


@pytest.mark.usefixtures("ollama")
def test_a_run_that_is_not_in_the_history_is_not_promised_to_be(conductor: CommandLine) -> None:
    """The warning says where it is kept, and nobody is sent to `conductor show`."""
    done = conductor("-m", "fast*", "-n", "1", TASK)
    assert done.returncode == 0
    assert "the run is not in the history" in done.stderr
    assert "Prompt of ~" in done.stderr
    assert "conductor show" not in done.stderr


@pytest.mark.usefixtures("unhurried")
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_nor_is_one_that_was_interrupted(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """What was complete is not recorded, and that is said."""
    process = conductor.start("--timeout", "600", TASK)
    ollama.wait_until(lambda: bool(ollama.asked("/api/chat", "slow:1b")))
    process.send_signal(signal.SIGINT)
    _stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "the run is not in the history" in stderr
    assert "show last" not in stderr
