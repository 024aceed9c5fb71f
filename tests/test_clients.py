"""Programs that speak OpenAI's protocol, as people install them, with `conductor serve` as their model."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import Said, ScriptedModel, ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from tests.conftest import CommandLine

LLM = "llm>=0.27"
CN = "@continuedev/cli@^1.5"

RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b\n"

PATIENCE = 120


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for programs, each installed there once."""
    return tmp_path_factory.mktemp("programs")


@pytest.fixture
def serve(conductor: CommandLine) -> Iterator[Callable[..., str]]:
    """Serves scripted models as a team; gives the base address."""
    servers = []

    def serve(*models: ScriptedModel) -> str:
        server = ScriptedOllama(*models).start()
        servers.append(server)
        conductor.reach(server)
        process = conductor.start("serve", "--port", "0")
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Serving on "), line
        return f"{line.removeprefix('Serving on ').strip()}/v1"

    yield serve
    for server in servers:
        server.stop()


def run(*command: object, folder: Path, environment: Mapping[str, str]) -> str:
    """What a program prints; it reaches this machine alone."""
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env={**os.environ, **nowhere, "NO_PROXY": "127.0.0.1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def installed(*command: object, folder: Path) -> None:
    """Install something from a registry; the folder is not this repository, whose settings are for itself."""
    arguments = [str(part) for part in command]
    done = subprocess.run(arguments, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, re.sub(r"(https?|file)://\S+", "[address]", done.stdout + done.stderr)


def test_llm_asks_the_team_and_goes_on_with_the_conversation(
    conductor: CommandLine, serve: Callable[..., str], programs: Path
) -> None:
    """Streamed; what was said before comes with the second question."""
    uv = shutil.which("uv")
    assert uv, "the tests need uv, as the README says"
    installed(uv, "venv", "--python", sys.executable, programs / "llm", folder=programs)
    installed(uv, "pip", "install", "--python", programs / "llm", LLM, folder=programs)

    def says(body: Mapping[str, Any]) -> str:
        return f"I was told {len(body['messages'])} things."

    address = serve(*(ScriptedModel(name=f"m{number}:7b", reply=says) for number in range(3)))
    home = conductor.home / "llm"
    home.mkdir()
    described = [{"model_id": "conductor", "model_name": "conductor", "api_base": address}]
    (home / "extra-openai-models.yaml").write_text(json.dumps(described))  # JSON is YAML
    llm = programs / "llm" / ("Scripts" if sys.platform == "win32" else "bin") / "llm"
    environment = {"LLM_USER_PATH": str(home)}
    first = run(llm, "-m", "conductor", "How many?", folder=conductor.folder, environment=environment)
    assert first.strip() == "I was told 1 things."
    second = run(llm, "-c", "And now?", folder=conductor.folder, environment=environment)
    assert second.strip() == "I was told 3 things."


@pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm to install it with")
def test_an_agent_works_on_the_team(conductor: CommandLine, serve: Callable[..., str], programs: Path) -> None:
    """Continue's `cn` is given the call that most models make, carries it out, and tells the team what came of it."""
    installed("npm", "install", "--no-fund", "--no-audit", "--prefix", programs / "cn", CN, folder=programs)
    file = conductor.write("calc.py", "def add(a, b):\n    pass\n")

    def writes(content: str) -> Callable[[Mapping[str, Any]], Said]:
        def says(body: Mapping[str, Any]) -> Said:
            if any(message["role"] == "tool" for message in body["messages"]):
                return Said(text="add returns the sum now.")
            return Said(tool_calls=(("Write", {"filepath": str(file), "content": content}),))

        return says

    address = serve(
        *(
            ScriptedModel(name=f"m{number}:7b", reply=writes(content), capabilities=("completion", "tools"))
            for number, content in enumerate((WRONG, RIGHT, RIGHT))
        )
    )
    config = conductor.home / "config.yaml"
    model = {"name": "team", "provider": "openai", "model": "conductor", "apiBase": address, "apiKey": "none"}
    described = {"name": "local", "version": "1.0.0", "schema": "v1", "models": [model | {"roles": ["chat"]}]}
    config.write_text(json.dumps(described))
    said = run(
        programs / "cn" / "node_modules" / ".bin" / "cn",
        "-p",
        "--auto",
        "--config",
        config,
        "Make add work in calc.py",
        folder=conductor.folder,
        environment={"HOME": str(conductor.home), "CONTINUE_TELEMETRY_ENABLED": "0"},
    )
    assert said.strip() == "add returns the sum now."
    assert file.read_text() == RIGHT
