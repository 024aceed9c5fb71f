"""`conductor cursor install`: project files that tell Cursor about conductor, and what a person wrote in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import CommandLine

INSTALL = ("cursor", "install", "--yes")


def test_project_files_for_cursor_come_and_go(conductor: CommandLine) -> None:
    """They are shown first; what a person wrote stays as it was, to the byte."""
    conductor.write("AGENTS.md", "# Mine\r\n\r\nKeep this.\r\n")
    assert "+++ b/AGENTS.md" in conductor.refused(6, "cursor", "install") + conductor("cursor", "install").stdout
    assert not (conductor.folder / ".cursor").exists()
    assert conductor("cursor", "install", "--yes").returncode == 0
    assert (conductor.folder / ".cursor/rules/conductor.mdc").read_text().startswith("---\ndescription: ")
    assert "## CodeConductor" in (conductor.folder / "AGENTS.md").read_text()
    assert "nothing to do" in conductor("cursor", "install", "--yes").stdout
    assert conductor("cursor", "install", "--remove", "--yes").returncode == 0
    assert (conductor.folder / "AGENTS.md").read_bytes() == b"# Mine\r\n\r\nKeep this.\r\n"
    assert not (conductor.folder / ".cursor").exists()
    conductor.write(".cursor/rules/conductor.mdc", "my own rule\n")
    assert "left as it is" in conductor("cursor", "install", "--yes").stderr
    assert (conductor.folder / ".cursor/rules/conductor.mdc").read_text() == "my own rule\n"


def test_cursor_is_told_of_the_mcp_server(conductor: CommandLine) -> None:
    """By an entry that starts this installation; taken back, the file is gone where nothing else was in it."""
    path = conductor.folder / ".cursor/mcp.json"
    assert conductor(*INSTALL).returncode == 0
    (entry,) = json.loads(path.read_text())["mcpServers"].values()
    assert entry["args"] == ["mcp"]
    assert entry["command"].endswith(("conductor", "conductor.exe"))
    assert "nothing to do" in conductor(*INSTALL).stdout
    assert conductor(*INSTALL, "--remove").returncode == 0
    assert not path.exists()


def test_other_servers_stay_as_they_were(conductor: CommandLine) -> None:
    """To the byte, after what was installed is taken back; what an older installation wrote is brought up to date."""
    theirs = b'{\r\n\t"mcpServers": {\r\n\t\t"db": {\r\n\t\t\t"url": "http://localhost/\xc3\xa9"\r\n\t\t}\r\n\t}\r\n}'
    path = conductor.write(".cursor/mcp.json", theirs)
    assert conductor(*INSTALL).returncode == 0
    servers = json.loads(path.read_bytes())["mcpServers"]
    assert list(servers) == ["db", "conductor"]
    old = path.read_text().replace(json.dumps(servers["conductor"]["command"]), '"/old/bin/conductor"')
    path.write_bytes(old.replace("\n", "\r\n").encode())
    assert conductor(*INSTALL).returncode == 0
    assert json.loads(path.read_bytes())["mcpServers"] == servers
    assert conductor(*INSTALL, "--remove").returncode == 0
    assert path.read_bytes() == theirs


@pytest.mark.parametrize(
    "written",
    [
        '{"mcpServers": {"conductor": {"command": "conductor", "args": ["mcp"], "env": {"A": "b"}}}}',
        '{"mcpServers": {"conductor": {"url": "http://127.0.0.1:8000/mcp"}}}',
        '// mine\n{"mcpServers": {}}',
        '{"mcpServers": []}',
        "[]",
    ],
)
def test_what_a_person_wrote_of_it_stays(conductor: CommandLine, written: str) -> None:
    """An entry of that name, and a file that is no plain JSON."""
    path = conductor.write(".cursor/mcp.json", written)
    for arguments in (INSTALL, (*INSTALL, "--remove")):
        done = conductor(*arguments)
        assert done.returncode == 0, done.stderr
        assert path.read_text() == written
        assert ("left as it is" in done.stderr) == ("conductor" not in written)


def test_without_the_plugin_no_server_is_named(conductor: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The entry would start a command that is not there."""
    from click.testing import CliRunner
    from codeconductor.cli.cursor import install

    monkeypatch.setattr("codeconductor.cli.group.contributed", dict)
    ended = CliRunner().invoke(install, ["--yes", "--in", str(conductor.folder)])
    assert ended.exit_code == 0, ended.output
    assert not (conductor.folder / ".cursor/mcp.json").exists()
    assert (conductor.folder / ".cursor/rules/conductor.mdc").exists()
