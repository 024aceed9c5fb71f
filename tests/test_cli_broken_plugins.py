"""Plugins that are broken, or hang: each is one warning or one failed answer, and never a traceback."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from codeconductor.testing.servers import ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import CommandLine

TASK = "Create a simple calculator class"
CHAT = "/api/chat"
HEADER = "from codeconductor import hookimpl\n"

SILENT = "class Silent(Exception):\n    def __str__(self):\n        raise RuntimeError('acme broke')\n"

BROKEN = {
    "cannot_be_imported": "import no_such_module_anywhere\n",
    "is_no_python": "def broken(:\n",
    "exits": "raise SystemExit(3)\n",
    "has_an_unknown_hook": HEADER + "@hookimpl\ndef conductor_no_such_hook(session):\n    return []\n",
    "has_a_hook_of_another_shape": HEADER + "@hookimpl\ndef conductor_model_weights(colour):\n    return {}\n",
    "raises_in_settings": HEADER + "@hookimpl\ndef conductor_settings():\n    raise RuntimeError('acme broke')\n",
    "has_settings_of_the_wrong_type": HEADER + "@hookimpl\ndef conductor_settings():\n    return 42\n",
    "raises_in_strategies": HEADER
    + "@hookimpl\ndef conductor_consensus_strategies():\n    raise RuntimeError('acme broke')\n",
    "brings_strategies_of_the_wrong_type": HEADER
    + "@hookimpl\ndef conductor_consensus_strategies():\n    return [42]\n",
    "raises_in_renderers": HEADER
    + "@hookimpl\ndef conductor_prompt_renderers():\n    raise RuntimeError('acme broke')\n",
    "brings_renderers_of_the_wrong_type": HEADER + "@hookimpl\ndef conductor_prompt_renderers():\n    return 42\n",
    "raises_in_weights": HEADER
    + "@hookimpl\ndef conductor_model_weights(session, task, models):\n    raise RuntimeError('acme broke')\n",
    "gives_weights_of_the_wrong_type": HEADER
    + "@hookimpl\ndef conductor_model_weights(session, task, models):\n    return ['heavy']\n",
    "raises_at_the_end": HEADER
    + "@hookimpl\ndef conductor_run_finished(session, run):\n    raise RuntimeError('acme broke')\n",
    "raises_in_discovery": HEADER
    + "@hookimpl\nasync def conductor_discover_models(session):\n    raise RuntimeError('acme broke')\n",
    "raises_what_cannot_be_said": HEADER
    + SILENT
    + "@hookimpl\ndef conductor_run_finished(session, run):\n    raise Silent\n",
    "discovers_what_cannot_be_said": HEADER
    + SILENT
    + "@hookimpl\nasync def conductor_discover_models(session):\n    raise Silent\n",
    "gives_a_coroutine": HEADER
    + "async def later():\n    return []\n\n@hookimpl\ndef conductor_consensus_strategies():\n    return later()\n",
    "discovers_the_wrong_type": HEADER
    + "@hookimpl\nasync def conductor_discover_models(session):\n    return ['model', 42]\n",
}


@pytest.fixture
def ollama(conductor: CommandLine) -> Iterator[ScriptedOllama]:
    """An Ollama with one model, in reach."""
    with ScriptedOllama("qwen3:8b") as server:
        conductor.reach(server)
        yield server


def test_each_broken_plugin_is_one_warning(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None]
) -> None:
    """All of them at once: each is named once, in the document too, and the rest works: the prompt is there."""
    install(**BROKEN)
    done = conductor("-n", "1", "--json", TASK)
    assert done.returncode == 0, done.stderr
    run = json.loads(done.stdout)
    assert TASK in run["prompt"]["text"]
    assert "Traceback" not in done.stderr
    assert "RuntimeWarning" not in done.stderr
    warnings = [line.removeprefix("Warning: ") for line in done.stderr.splitlines() if line.startswith("Warning: ")]
    assert {name: sum(f"'{name}'" in line for line in warnings) for name in BROKEN} == dict.fromkeys(BROKEN, 1)
    assert [" ".join(warning.split()) for warning in run["warnings"]] == warnings


@pytest.mark.parametrize("command", ["plugins", "doctor", "models"])
def test_broken_plugins_do_not_stop_those_who_look_for_them(
    conductor: CommandLine, install: Callable[..., None], command: str
) -> None:
    """The commands that tell what is wrong have to work then."""
    install(**BROKEN)
    done = conductor(command)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "cannot_be_imported" in done.stdout + done.stderr


@pytest.mark.parametrize(
    "answer",
    ["raise RuntimeError('acme broke')", "return 42", "return replies()"],
    ids=["raises", "is no stream", "streams the wrong type"],
)
def test_a_provider_that_breaks_while_asked_is_one_failed_answer(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None], answer: str
) -> None:
    """Its answer has the kind `plugin`; the other model's counts."""
    install(
        acme=f"""from codeconductor import Model, hookimpl

@hookimpl
async def conductor_discover_models(session):
    return [Model(provider="acme", name="parrot", host="memory:")]

async def replies():
    yield 42

@hookimpl
def conductor_query_model(session, model, query):
    if model.provider == "acme":
        {answer}
"""
    )
    done = conductor("--json", TASK)
    assert done.returncode == 0, done.stderr
    errors = {item["model"]: item["error"] for item in json.loads(done.stdout)["answers"]}
    assert errors["acme/parrot"]["kind"] == "plugin"
    assert errors["ollama/qwen3:8b"] is None


@pytest.mark.parametrize(
    "hangs",
    [
        "    while True:\n        try:\n            await asyncio.sleep(3600)\n"
        "        except BaseException:\n            pass\n",
        "    await asyncio.to_thread(time.sleep, 3600)\n",
    ],
    ids=["swallows its cancellation", "waits in a thread"],
)
def test_a_plugin_that_never_ends_does_not_keep_the_command_from_ending(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None], hangs: str
) -> None:
    """The prompt is printed and recorded, and the process leaves what goes on behind."""
    source = HEADER + "@hookimpl\nasync def conductor_discover_models(session):\n"
    install(acme=f"import asyncio, time\n{source}{hangs}")
    done = conductor("-n", "1", TASK)
    assert done.returncode == 0, done.stderr
    assert "calculator" in done.stdout.lower()
    assert "did not list its models" in done.stderr
    assert "destroyed" not in done.stderr
    assert len(json.loads(conductor("history", "--json").stdout)["runs"]) == 1


def test_a_plugin_that_hangs_in_discovery_is_given_up(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None]
) -> None:
    """Discovery is bounded: the run goes on with the models of the others."""
    install(
        acme="import asyncio\n" + HEADER + "@hookimpl\nasync def conductor_discover_models(session):\n"
        "    await asyncio.sleep(3600)\n"
    )
    done = conductor("-n", "1", TASK)
    assert done.returncode == 0, done.stderr
    assert "acme" in done.stderr
    assert len(ollama.asked(CHAT)) == 1


@pytest.mark.parametrize(
    ("hook", "method", "option"),
    [
        ("conductor_consensus_strategies", "async def decide(self, task, answers, bench)", "--strategy"),
        ("conductor_prompt_renderers", "def render(self, task, consensus, limits)", "--renderer"),
    ],
)
def test_what_was_named_and_raises_is_exit_1_with_its_author(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None], hook: str, method: str, option: str
) -> None:
    """Nothing is put in its place; plugin and distribution are named, and the answers are recorded, where they may."""
    install(
        acme=HEADER + f"class Shaky:\n    name = 'shaky'\n    {method}:\n        raise RuntimeError('acme broke')\n"
        f"@hookimpl\ndef {hook}():\n    return [Shaky()]\n"
    )
    said = conductor.refused(1, option, "shaky", "-n", "1", TASK)
    assert "acme" in said
    assert "acme-plugin" in said
    assert f"Hint: the answers are recorded; take another {option}" in said
    assert f"Hint: take another {option}" in conductor.refused(1, option, "shaky", "-n", "1", "--no-history", TASK)
    (answer,) = json.loads(conductor("show", "last", "--json").stdout)["answers"]
    assert answer["error"] is None


def test_what_a_plugin_prints_while_it_is_imported_is_no_result(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None]
) -> None:
    """A prompt is piped into other programs."""
    install(greets="print('acme is here')\n")
    done = conductor("-n", "1", "--json", TASK)
    assert TASK in json.loads(done.stdout)["prompt"]["text"]
    assert "acme is here" in done.stderr


def test_a_plugin_cannot_take_the_settings_of_another(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None]
) -> None:
    """It is one warning, and the other keeps its own."""
    install(
        acme=HEADER
        + "import attrs\n@attrs.frozen\nclass Voice:\n    voice: str = 'low'\n"
        + "@hookimpl\ndef conductor_settings():\n    return ('providers.ollama', Voice)\n"
    )
    done = conductor("-n", "1", TASK)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("plugin 'acme'") == 1
    assert "the table [providers.ollama] is that of plugin 'ollama'" in " ".join(done.stderr.split())


def test_a_thread_that_a_plugin_leaves_does_not_keep_the_command(
    conductor: CommandLine, ollama: ScriptedOllama, install: Callable[..., None]
) -> None:
    """It is left behind, though Python would wait for it: the prompt is there, and the exit code is that of the run."""
    install(
        starts_a_thread=HEADER
        + "import threading, time\n@hookimpl\nasync def conductor_discover_models(session):\n"
        + "    threading.Thread(target=time.sleep, args=(1_000,)).start()\n    return []\n"
    )
    done = conductor("-n", "1", TASK)
    assert done.returncode == 0, done.stderr
    assert TASK in done.stdout
