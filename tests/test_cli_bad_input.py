"""What a user can get wrong, or meet: one `Error:`, one `Hint:`, the right exit code, and never a traceback."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from codeconductor.testing.servers import ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.mark.parametrize("name", ["qwen3:8", "qwn3", "ollama/qwen:8b"])
def test_a_model_that_nobody_has_is_exit_3(conductor: CommandLine, ollama: ScriptedOllama, name: str) -> None:
    """Nothing matched; the nearest name is offered."""
    said = conductor.refused(3, "-m", name, TASK)
    assert "did you mean 'ollama/qwen3:8b'?" in said
    assert not ollama.asked(CHAT)


def test_a_model_that_nobody_has_beside_one_that_is_asked_is_a_warning(
    conductor: CommandLine, ollama: ScriptedOllama
) -> None:
    """The other is asked, and the nearest name offered."""
    done = conductor("-m", "qwen3:8b", "-m", "qwen3:8", TASK)
    assert done.returncode == 0, done.stderr
    assert "no model matches 'qwen3:8': did you mean 'ollama/qwen3:8b'?" in done.stderr


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
