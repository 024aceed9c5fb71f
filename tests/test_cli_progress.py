"""Progress without a terminal: a line on standard error for each thing that is worth waiting for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from codeconductor.testing.servers import ScriptedLMStudio, ScriptedModel, ScriptedOllama

if TYPE_CHECKING:
    from codeconductor.testing.servers import ScriptedServer

    from tests.conftest import CommandLine


@pytest.mark.parametrize("kind", [ScriptedOllama, ScriptedLMStudio])
def test_a_load_is_a_line_unless_it_is_to_be_quiet(conductor: CommandLine, kind: type[ScriptedServer]) -> None:
    """A model that has to load says so when it is in memory; one that is in memory says nothing of the kind."""
    models = (ScriptedModel(name=name, loaded=loaded) for name, loaded in (("cold:1b", False), ("warm:1b", True)))
    with kind(*models) as server:
        conductor.reach(server)
        lines = conductor("Write a parser").stderr.splitlines()
    assert [line.partition(":1b: loaded in ")[0].rpartition("/")[2] for line in lines if ": loaded in " in line] == [
        "cold"
    ]
    with kind(ScriptedModel(name="cold:1b", loaded=False)) as server:
        conductor.reach(server)
        quiet = conductor("-q", "Write a parser")
    assert (quiet.returncode, quiet.stderr) == (0, "")
