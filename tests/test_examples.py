"""The examples of what a third party writes: built, installed as others would install them, and used by the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import uv
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Callable

    Conductor = Callable[..., subprocess.CompletedProcess[str]]

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
NAMES = sorted(folder.name for folder in EXAMPLES.glob("codeconductor-*"))
NOBODY = "http://127.0.0.1:9"  # the port of a service that no machine runs any more


def run(*command: str | Path, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, and collect what it says."""
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False, **more)


def install(name: str, folder: Path) -> Path:
    """Build the wheel of an example, and install it alone into a folder; nothing is looked up on an index."""
    target = folder / "installed"
    build = ("build", "--wheel", "--no-build-isolation", "--offline", "--out-dir", folder, EXAMPLES / name)
    built = run(uv.find_uv_bin(), *build, "--python", sys.executable)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob("*.whl")
    placed = run(
        uv.find_uv_bin(), "pip", "install", "--no-deps", "--offline", "--python", sys.executable,
        "--target", target, wheel,
    )  # fmt: skip
    assert placed.returncode == 0, placed.stderr
    return target


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folder that each example was installed into, by its name."""
    return {name: install(name, tmp_path_factory.mktemp(name)) for name in NAMES}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without anybody's settings or servers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CONDUCTOR_", "OLLAMA_", "XDG_"))}
    return kept | {
        "HOME": str(tmp_path),
        "USERPROFILE": str(tmp_path),
        "CONDUCTOR_HOME": str(tmp_path / "data"),
        "CONDUCTOR_PROVIDERS__OLLAMA__HOSTS": NOBODY,
        "CONDUCTOR_PROVIDERS__LMSTUDIO__HOSTS": NOBODY,
    }


@pytest.fixture
def acme(installed: dict[str, Path], environment: dict[str, str], tmp_path: Path) -> Conductor:
    """The command, with the example `codeconductor-acme` installed."""
    return command(environment | {"PYTHONPATH": str(installed["codeconductor-acme"])}, tmp_path)


def command(environment: dict[str, str], folder: Path) -> Conductor:
    """Runs `conductor`, which must end well, with the environment in an empty project under the folder."""
    project = folder / "project"
    project.mkdir()

    def conductor(*arguments: str) -> subprocess.CompletedProcess[str]:
        result = run(sys.executable, "-m", "codeconductor", *arguments, env=environment, cwd=project)
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    return conductor


@pytest.mark.parametrize("name", NAMES)
def test_an_example_passes_its_own_tests(
    name: str, installed: dict[str, Path], environment: dict[str, str], tmp_path: Path
) -> None:
    """As its author would run them, against what was installed."""
    ran = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest",
        f"--rootdir={tmp_path}", "--import-mode=importlib", EXAMPLES / name / "tests",
        env=environment | {"PYTHONPATH": str(installed[name])}, cwd=tmp_path,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_model_of_a_third_party_is_listed(acme: Conductor) -> None:
    """`conductor models` knows it, and nothing had to be registered anywhere."""
    document = json.loads(acme("models", "--json").stdout)
    assert "acme/parrot" in [model["id"] for model in document["models"]]


def test_the_strategy_of_a_third_party_decides(acme: Conductor) -> None:
    """A run on the model and with the strategy of one package gives a prompt."""
    arguments = ("--provider", "acme", "--strategy", "longest", "--samples", "2", "--json")
    document = json.loads(acme(*arguments, "Write a function that adds two numbers").stdout)
    assert document["models"] == ["acme/parrot"]
    assert [answer["error"] for answer in document["answers"]] == [None, None]
    consensus = document["consensus"]
    assert (consensus["strategy"], consensus["agreement"], consensus["calibrated"]) == ("longest", 0.5, False)
    assert consensus["choice"] == {"model": "acme/parrot", "sample": 0}
    assert "adds two numbers" in consensus["outcome"]["text"]
    assert "adds two numbers" in document["prompt"]["text"]


def test_what_a_third_party_brings_is_shown(acme: Conductor) -> None:
    """Distribution, hooks, provider, strategy and command stand under the plugin's name."""
    plugins = {plugin["name"]: plugin for plugin in json.loads(acme("plugins", "--json").stdout)["plugins"]}
    assert plugins["acme"] == {
        "name": "acme",
        "distribution": "codeconductor-acme",
        "version": "1.0.0",
        "status": "loaded",
        "error": None,
        "hooks": ["conductor_consensus_strategies", "conductor_discover_models", "conductor_query_model"],
        "providers": ["acme"],
        "strategies": ["longest"],
        "renderers": [],
        "coders": [],
        "runners": [],
        "commands": ["acme"],
    }


def test_the_command_of_a_third_party_runs(acme: Conductor) -> None:
    """It stands in the help under its distribution's name, and runs."""
    assert "brought by codeconductor-acme" in acme("--help").stdout
    assert acme("acme", "polly", "wants").stdout == "polly wants\n"


def test_a_disabled_plugin_of_a_third_party_is_never_imported(
    installed: dict[str, Path], environment: dict[str, str], tmp_path: Path
) -> None:
    """`[plugins] disabled` takes its name; it is listed as disabled, and brings nothing."""
    more = {"PYTHONPATH": str(installed["codeconductor-acme"]), "CONDUCTOR_PLUGINS__DISABLED": "acme"}
    conductor = command(environment | more, tmp_path)
    plugins = {plugin["name"]: plugin for plugin in json.loads(conductor("plugins", "--json").stdout)["plugins"]}
    assert plugins["acme"]["status"] == "disabled"
    assert plugins["acme"]["providers"] == plugins["acme"]["strategies"] == []


def test_the_cache_answers_a_second_run_without_asking(
    installed: dict[str, Path], environment: dict[str, str], tmp_path: Path
) -> None:
    """A wrapper of a third party stands around the models of any plugin: here of a server that counts requests."""
    with ScriptedOllama(ScriptedModel(name="one:1b"), ScriptedModel(name="two:1b")) as server:
        more = {
            "PYTHONPATH": str(installed["codeconductor-answer-cache"]),
            "CONDUCTOR_PROVIDERS__OLLAMA__HOSTS": server.host,
        }
        conductor = command(environment | more, tmp_path)
        arguments = ("--provider", "ollama", "--strategy", "majority", "--json", "--seed")
        first, again, other = (
            json.loads(conductor(*arguments, seed, "Create a calculator class").stdout) for seed in ("7", "7", "8")
        )
        asked = [request.model for request in server.asked("/api/chat")]
    assert sorted(asked) == ["one:1b", "one:1b", "two:1b", "two:1b"]
    assert [answer["text"] for answer in again["answers"]] == [answer["text"] for answer in first["answers"]]
    assert again["prompt"]["text"] == first["prompt"]["text"]
    assert other["answers"][0]["error"] is None
