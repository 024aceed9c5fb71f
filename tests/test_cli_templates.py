"""Which template a run takes, from wherever in the project it is started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from codeconductor.testing.servers import ScriptedOllama

if TYPE_CHECKING:
    from tests.conftest import CommandLine


def test_a_projects_template_is_the_one_in_its_folder(conductor: CommandLine) -> None:
    """A cloned repository must not lead out by a link that counts in a subfolder alone."""
    conductor.write("conductor.toml", '[run]\ntemplate = "own.md.j2"\n')
    conductor.write("own.md.j2", "the project's")
    secret = conductor.home / "secret"
    secret.write_text("the reader's")
    folder = conductor.folder / "deep"
    folder.mkdir()
    (folder / "own.md.j2").symlink_to(secret)
    below = attrs.evolve(conductor, folder=folder)
    with ScriptedOllama("fast:1b") as server:
        conductor.reach(server)
        assert below("-n", "1", "Write a function").stdout == "the project's\n"
        assert below("-n", "1", "-t", "own.md.j2", "Write a function").stdout == "the reader's\n"
