"""`--print-config`, the options, and what the command costs others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters


@pytest.mark.parametrize(
    ("client", "key", "extra"),
    [
        ("cursor", "mcpServers", {}),
        ("vscode", "servers", {"type": "stdio"}),
        ("claude", "mcpServers", {"type": "stdio"}),
    ],
)
def test_settings_start_this_installation(world: Any, client: str, key: str, extra: dict[str, str]) -> None:
    """The command is a whole path: an editor does not have a terminal's PATH. Where it goes is said beside it."""
    done = world.run("--print-config", client)
    assert done.returncode == 0
    document = json.loads(done.stdout)
    server = document[key]["conductor"]
    assert document == {key: {"conductor": extra | {"command": server["command"], "args": ["mcp"]}}}
    assert Path(server["command"]).is_file()
    assert "mcp.json" in done.stderr


@pytest.mark.parametrize(
    ("client", "extra"), [("cursor", {}), ("vscode", {"type": "http"}), ("claude", {"type": "http"})]
)
def test_settings_for_a_server_that_runs_already(world: Any, client: str, extra: dict[str, str]) -> None:
    """With --http they have its address."""
    document = json.loads(world.run("--http", "--port", "7001", "--print-config", client).stdout)
    (server,) = document["servers" if client == "vscode" else "mcpServers"].values()
    assert server == extra | {"url": "http://127.0.0.1:7001/mcp"}


@pytest.mark.anyio
async def test_the_printed_settings_work(world: Any) -> None:
    """What they name, started as they say, is the server."""
    server = json.loads(world.run("--print-config", "cursor").stdout)["mcpServers"]["conductor"]
    parameters = StdioServerParameters(**server, env=world.environment, cwd=world.project)
    async with Client(parameters) as client:
        assert len((await client.list_tools()).tools) == 5


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--port", "1"], "--http"),
        (["--port", "70000", "--http"], "70000"),
        (["--print-config", "emacs"], "cursor"),
        (["--http", "--port", "0", "--print-config", "cursor"], "port"),
    ],
)
def test_options_that_do_not_fit_are_refused(world: Any, arguments: list[str], says: str) -> None:
    """Exit 2, in two lines, and nothing on standard output."""
    done = world.run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert done.stderr.count("\n") == 2


WHAT_IS_LOADED = """
import contextlib, sys
from codeconductor.cli import main
with contextlib.suppress(SystemExit):
    main()
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def loaded(world: Any, *arguments: str) -> set[str]:
    """The packages that a command imports."""
    done = subprocess.run(
        [sys.executable, "-c", WHAT_IS_LOADED, *arguments],
        cwd=world.project,
        env=world.environment,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "arguments", [["plugins"], ["mcp", "--help"], ["mcp", "--print-config", "cursor"]], ids=" ".join
)
def test_nobody_else_pays_for_the_sdk(world: Any, arguments: list[str]) -> None:
    """It is imported to serve, and for nothing else."""
    found = loaded(world, *arguments)
    assert "codeconductor_mcp" in found
    assert {"mcp", "pydantic", "uvicorn", "starlette"} & found == set()
