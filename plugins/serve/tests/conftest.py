"""`conductor serve` as clients meet it: in a process of its own, in front of scripted model servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import attrs
import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI
from openai import OpenAI

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 60.0
"""Seconds after which what must happen has not happened; no test is slower for it when all is well."""

PROVIDER = """
import os
from codeconductor import Model, hookimpl, stream_openai_chat

@hookimpl
async def conductor_discover_models(session):
    found = []
    for entry in os.environ["SCRIPTED"].split():
        name, host = entry.split("=")
        found.append(Model(provider="acme", name=name, host=host, parallel=64, context_length=8192))
    return found

@hookimpl
def conductor_query_model(session, model, query):
    return stream_openai_chat(session.client(model.host), model.name, query) if model.provider == "acme" else None
"""

DOWN = """
import os
from codeconductor import hookimpl, request_json

@hookimpl
async def conductor_discover_models(session):
    if host := os.environ.get("DOWN"):
        await request_json(session.client(host), "/v1/models")
    return []
"""

STRATEGY = """
from collections import Counter
from codeconductor import Consensus, hookimpl

class Most:
    name = "most"
    async def decide(self, task, answers, bench):
        def said(answer):
            return answer.text, tuple((call.name, call.arguments) for call in answer.tool_calls)
        (value, votes), *_ = Counter(map(said, answers)).most_common()
        choice = next(answer for answer in answers if said(answer) == value)
        return Consensus(outcome={"text": choice.text}, agreement=votes / len(answers), choice=choice)

@hookimpl
def conductor_consensus_strategies():
    return [Most()]
"""


@attrs.frozen
class Served:
    """A server in a process of its own.

    Attributes:
        process: It.
        url: Its base address.
    """

    process: subprocess.Popen[str]
    url: str
    _exits: ExitStack

    def client(self, key: str = "none") -> OpenAI:
        """OpenAI's own client, which repeats nothing; it is closed when the server is."""
        client = OpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=PATIENCE)
        return self._exits.enter_context(client)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it; gives its exit code."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)


@attrs.frozen
class Starting:
    """Starts `conductor serve`; the environment may be changed before."""

    folder: Path
    environment: dict[str, str]
    _exits: ExitStack

    def command(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it with these arguments, whatever comes of it."""
        process = subprocess.Popen(
            [sys.executable, "-m", "codeconductor", "serve", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        self._exits.push(process)
        self._exits.callback(process.kill)
        return process

    def __call__(self, *arguments: str, **models: str) -> Served:
        """Start it on a free port.

        Args:
            arguments: Of the command.
            models: The host of each model, by its name.
        """
        self.environment["SCRIPTED"] = " ".join(f"{name}={host}" for name, host in models.items())
        process = self.command("--port", "0", *arguments)
        assert process.stderr is not None
        line = process.stderr.readline()
        if not line.startswith("Serving on http://"):
            process.kill()  # what it goes on to say has an end then
            pytest.fail(line + process.stderr.read())
        return Served(process, line.split()[-1], self._exits)


@contextmanager
def starting(tmp_path: Path) -> Iterator[Starting]:
    """Starts servers in an empty project; they are ended with the context."""
    home, installed = tmp_path / "home", tmp_path / "installed"
    home.mkdir()
    for name, source in {"acme": PROVIDER, "down": DOWN, "most": STRATEGY}.items():
        metadata = installed / f"{name}_plugin-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-plugin\nVersion: 1.0\n", "utf-8")
        (metadata / "entry_points.txt").write_text(f"[codeconductor]\n{name} = {name}_plugin\n", "utf-8")
        (installed / f"{name}_plugin.py").write_text(source, "utf-8")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONDUCTOR_", "OLLAMA_"))}
    environment = kept | {
        "HOME": str(home),
        "USERPROFILE": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "CONDUCTOR_HOME": str(tmp_path / "data"),
        "CONDUCTOR_PLUGINS__DISABLED": "ollama,lmstudio,openai_compatible,llamacpp,replay",
        "PYTHONPATH": str(installed),
        "SCRIPTED": "",
    }
    with ExitStack() as exits:
        yield Starting(tmp_path, environment, exits)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Starting]:
    """Starts servers in an empty project; they are ended with the test."""
    with starting(tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server in front of one model, `parrot`, that all tests of a module share."""
    folder = tmp_path_factory.mktemp("served")
    with ScriptedOpenAI(ScriptedModel(name="parrot", reply="Squawk.")) as model, starting(folder) as start:
        yield start(parrot=model.host)


@pytest.fixture(scope="module")
def serve_all(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starting]:
    """Starts servers that all tests of a module share."""
    with starting(tmp_path_factory.mktemp("served")) as start:
        yield start
