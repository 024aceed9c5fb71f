"""What a user can get wrong, or meet: one `Error:`, one `Hint:`, the right exit code, and never a traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codeconductor.testing.servers import ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import CommandLine

TASK = "Create a simple calculator class"
CHAT = "/api/chat"


@pytest.fixture
def ollama(conductor: CommandLine) -> Iterator[ScriptedOllama]:
    """An Ollama with one model, in reach."""
    with ScriptedOllama("qwen3:8b") as server:
        conductor.reach(server)
        yield server


# The task


@pytest.mark.parametrize("task", ["", "  \t "])
def test_an_empty_task_is_refused(conductor: CommandLine, task: str) -> None:
    """Exit 2, with how a task is said."""
    assert "the task is empty" in conductor.refused(2, task)


def test_a_task_that_is_too_long_is_refused(conductor: CommandLine) -> None:
    """More than a mebibyte is a file that went the wrong way; how much more it is, nobody has read."""
    assert "the task is longer than 1 MiB\n" in conductor.refused(2, "-", stdin="ä" * 2**20)


def test_standard_input_has_to_be_utf_8(conductor: CommandLine) -> None:
    """As a task and as context."""
    assert "standard input is not UTF-8" in conductor.refused(2, "-", stdin=b"Write \xff\xfe")
    assert "standard input is not UTF-8" in conductor.refused(2, "-c", "-", TASK, stdin=b"\xff")


def test_standard_input_cannot_be_two_things(conductor: CommandLine) -> None:
    """Neither the task nor the context would be whole."""
    assert "standard input" in conductor.refused(2, "-c", "-", "-", stdin="Write a parser")


# The context


def test_a_missing_context_is_refused(conductor: CommandLine) -> None:
    """The path is named."""
    assert "'nowhere.py'" in conductor.refused(2, "-c", "nowhere.py", TASK)


def test_binary_files_and_ways_out_are_left_out(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """A folder is read whole, but for what is no text and what lies outside of the project: each is a warning."""
    conductor.write("src/good.py", "GOOD = 1\n")
    conductor.write("src/image.bin", b"\x00\x01\x02BINARY")
    secret = conductor.home / "secret.txt"
    secret.write_text("SECRET", encoding="utf-8")
    (conductor.folder / "src" / "leak.txt").symlink_to(secret)
    done = conductor("-c", "src", "-c", "src/image.bin", "-c", "src/leak.txt", "--json", "-n", "1", TASK)
    assert done.returncode == 0, done.stderr
    (request,) = ollama.asked(CHAT)
    sent = json.dumps(request.body["messages"])
    assert "GOOD = 1" in sent
    assert "SECRET" not in sent
    assert "BINARY" not in sent
    warnings = "\n".join(json.loads(done.stdout)["warnings"])
    assert "image.bin" in warnings
    assert "leak.txt" in warnings


def test_a_huge_context_is_cut_with_a_warning(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """What is left out is said, and a model is asked nothing that it cannot hold."""
    conductor.write("huge.py", "x = 1  # one of very many lines\n" * 200_000)
    done = conductor("-c", "huge.py", "--json", "-n", "1", TASK)
    assert done.returncode == 0, done.stderr
    (request,) = ollama.asked(CHAT)
    assert len(request.content) < 1_000_000
    assert "huge.py" in "\n".join(json.loads(done.stdout)["warnings"])


# Options


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--timeout", "0"], "timeout"),
        (["--timeout", "-1"], "timeout"),
        (["--timeout", "nan"], "timeout"),
        (["--timeout", "abc"], "abc"),
        (["--samples", "many"], "many"),
        (["--samples", "20000000"], "at most 1000"),
        (["--quorum", "0"], "quorum"),
        (["--seed", "-1"], "correct --seed; `conductor --help`"),
        (["--min-confidence", "nan"], "--min-confidence"),
        (["--kind", "poem"], "poem"),
        (["--nonsense"], "--nonsense"),
        (["-o", "nowhere/prompt.md"], "nowhere/prompt.md"),
        (["-o", "."], "folder"),
        (["-o", "x" * 256], "cannot write"),
        (["-o", f"{'x' * 256}/prompt.md"], "cannot write"),
        (["--log-file", "nowhere/run.log"], "nowhere/run.log"),
    ],
)
def test_options_without_sense_are_refused(conductor: CommandLine, options: list[str], said: str) -> None:
    """What is wrong is named, before any model is asked."""
    refusal = conductor.refused(2, *options, TASK)
    assert said in refusal
    assert "conductor config" not in refusal, "options are not in force: nobody would find them there"


@pytest.mark.parametrize(
    ("options", "nearest"),
    [
        (["--strategy", "majorty"], "majority"),
        (["--template", "clas"], "class"),
        (["--renderer", "jinjaa"], "jinja"),
        (["--provider", "olama"], "ollama"),
    ],
)
def test_unknown_names_get_the_nearest_one(
    conductor: CommandLine, ollama: ScriptedOllama, options: list[str], nearest: str
) -> None:
    """A slip of the finger costs no look into the manual, and no model is asked."""
    said = conductor.refused(2, *options, TASK)
    assert options[1] in said
    assert nearest in said
    assert not ollama.asked(CHAT)


def test_a_model_that_nobody_has_is_exit_3(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """Nothing matched; the nearest name is offered."""
    said = conductor.refused(3, "-m", "qwen3:8", TASK)
    assert "qwen3:8b" in said
    assert not ollama.asked(CHAT)


@pytest.mark.parametrize("named", [["--provider", "llamacpp"], ["-m", "llamacpp/*"]], ids=" ".join)
def test_a_provider_that_is_switched_off_is_told_with_its_setting(
    conductor: CommandLine, ollama: ScriptedOllama, named: list[str]
) -> None:
    """Exit 3, as where it has no model, with what switches it on."""
    said = conductor.refused(3, *named, TASK)
    assert "llamacpp: it is switched off by use = 'never'" in said
    assert "Hint: set [providers.llamacpp] use to 'fallback' or 'always'" in said
    assert not ollama.asked(CHAT)


# Settings


def test_an_unknown_setting_gets_the_nearest_one(conductor: CommandLine) -> None:
    """File, key and nearest key."""
    conductor.write("conductor.toml", "[run]\ntimeuot = 5\n")
    said = conductor.refused(2, TASK)
    assert "conductor.toml" in said
    assert "timeuot" in said
    assert "timeout" in said


def test_a_setting_of_the_wrong_type_is_refused(conductor: CommandLine) -> None:
    """File, key, and what was expected."""
    conductor.write("conductor.toml", '[run]\ntimeout = "soon"\n')
    said = conductor.refused(2, "models")
    assert "conductor.toml" in said
    assert "timeout" in said
    assert "number" in said


def test_a_setting_of_the_environment_is_named_as_such(conductor: CommandLine) -> None:
    """The variable is what its owner can change."""
    conductor.environment["CONDUCTOR_RUN__TIMEOUT"] = "soon"
    assert "CONDUCTOR_RUN__TIMEOUT" in conductor.refused(2, TASK)


@pytest.mark.parametrize("command", ["config", TASK])
def test_broken_toml_is_told_with_file_and_line(conductor: CommandLine, command: str) -> None:
    """Every command that reads it says so."""
    conductor.write("conductor.toml", "[run]\nstrategy = \n")
    said = conductor.refused(2, command)
    assert "conductor.toml" in said
    assert "line 2" in said


def test_settings_have_to_be_utf_8(conductor: CommandLine) -> None:
    """No traceback for a file in another encoding."""
    conductor.write("conductor.toml", b'[run]\nstrategy = "\xff"\n')
    assert "conductor.toml" in conductor.refused(2, TASK)


@pytest.mark.parametrize("host", ["not a url", "ftp://127.0.0.1:1", "http://", "http://127.0.0.1:99999"])
def test_a_host_has_to_be_a_url(conductor: CommandLine, host: str) -> None:
    """Told before anything is asked."""
    conductor.environment["CONDUCTOR_PROVIDERS__LMSTUDIO__HOSTS"] = host
    said = conductor.refused(2, TASK)
    assert "hosts" in said.lower()


# Plugins

HEADER = "from codeconductor import hookimpl\n"


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
    "discovers_the_wrong_type": HEADER
    + "@hookimpl\nasync def conductor_discover_models(session):\n    return ['model', 42]\n",
}


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


# Pipes


@pytest.mark.parametrize("arguments", [["plugins", "--json"], ["plugins"], ["--help"], ["config"]])
def test_a_pipe_that_closes_is_no_error(conductor: CommandLine, arguments: list[str]) -> None:
    """`conductor plugins | head -1` ends in silence, whoever writes: we, rich or click."""
    process = conductor.start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize(
    "command", [["plugins"], ["config"], ["--help"], ["--version"], ["demo", "-q"], ["models", "--json"]], ids=" ".join
)
def test_a_full_disk_under_the_output_is_told(conductor: CommandLine, command: list[str], unbuffered: str) -> None:
    """It is nobody's bug; the file of `>` is what its owner can change. Python may be told not to buffer, as in CI."""
    with Path("/dev/full").open("w") as full:
        done = conductor(*command, stdout=full, environment={"PYTHONUNBUFFERED": unbuffered})
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("Error: cannot write to standard output: No space left on device\nHint: ")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
def test_a_full_disk_under_the_log_stops_no_run(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """The result is what was asked for: it is printed, and the run is done."""
    done = conductor("-q", "-n", "1", "--log-file", "/dev/full", TASK)
    assert (done.returncode, done.stderr) == (0, "")
    assert TASK in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors of POSIX")
def test_streams_that_are_closed_are_empty(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """As under a supervisor that opens none: what is printed goes nowhere, what is read is empty."""
    done = conductor("-n", "1", "-o", "prompt.md", TASK, closed=(0, 1, 2))
    assert done.returncode == 0
    assert TASK in (conductor.folder / "prompt.md").read_text(encoding="utf-8")
    assert conductor("models", closed=(1,)).returncode == 0
    assert "the task is empty" in conductor("-", closed=(0,)).stderr
