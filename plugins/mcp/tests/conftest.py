"""`conductor mcp` as a process with a third party's plugin, and the official client, over both transports and eras."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor.testing.sessions import project_folder
from mcp import Client, StdioServerParameters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

__all__ = ["project_folder"]  # a fixture

ENTRY_POINTS = "[codeconductor]\nacme = acme\n"

COMMAND = [sys.executable, "-m", "codeconductor", "mcp"]


@pytest.fixture
def anyio_backend() -> str:
    """Core runs on asyncio alone."""
    return "asyncio"


@attrs.frozen
class World:
    """A project and what is installed beside it.

    Attributes:
        project: The folder that the server is started in.
        environment: That it is started with.
    """

    project: Path
    environment: dict[str, str]

    def ask(self, server: Any, *models: str) -> None:
        """Let a scripted server have these models."""
        self.environment.update(ACME_HOST=server.host, ACME_MODELS=" ".join(models))

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start the command, with pipes for all that is not in the options."""
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE) | options
        return subprocess.Popen(
            [*COMMAND, *arguments], cwd=self.project, env=self.environment, encoding="utf-8", **pipes
        )

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end, with nothing on standard input."""
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.project,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    @contextmanager
    def over_http(self) -> Iterator[str]:
        """The address of a server over HTTP."""
        with self.start("--http", "--port", "0", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as server:
            assert server.stderr is not None
            try:
                line = server.stderr.readline()
                assert line.startswith("Serving on http://127.0.0.1:"), line + server.stderr.read()
                yield line.removeprefix("Serving on ").strip()
            finally:
                server.terminate()
                server.communicate()

    @asynccontextmanager
    async def client(self, transport: str = "stdio", mode: str = "auto", **options: Any) -> AsyncIterator[Client]:
        """The official client, connected."""
        if transport == "stdio":
            parameters = StdioServerParameters(
                command=COMMAND[0], args=COMMAND[1:], env=self.environment, cwd=self.project
            )
            async with Client(parameters, mode=mode, **options) as client:
                yield client
        else:
            with self.over_http() as url:
                async with Client(url, mode=mode, **options) as client:
                    yield client


@pytest.fixture
def world(project_folder: Path, tmp_path: Path) -> World:
    """A project of its own, the third party's plugin, and no model."""
    packages = tmp_path / "packages"
    info = packages / "acme-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, encoding="utf-8")
    shutil.copy(Path(__file__).with_name("acme.py"), packages)
    nobody = "http://127.0.0.1:9"  # whoever runs this may have servers, and other plugins
    return World(
        project_folder,
        {
            **os.environ,
            "PYTHONPATH": str(packages),
            "PYTHONUNBUFFERED": "",  # as for most people, whatever runs the tests
            "ACME_HOST": nobody,
            "CONDUCTOR_PLUGINS__DISABLED": ",".join(_others()),
        },
    )


def _others() -> list[str]:
    from importlib.metadata import entry_points

    return sorted(entry_points(group="codeconductor").names - {"mcp", "history"})


@pytest.fixture(params=[("stdio", "auto"), ("stdio", "legacy"), ("http", "auto"), ("http", "legacy")], ids="-".join)
def way(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A transport, and an era of the protocol."""
    chosen: tuple[str, str] = request.param
    return chosen
