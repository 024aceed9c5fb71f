"""The main job and the commands around it, as a person or a script meets them: streams, documents and exit codes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import Said, ScriptedLMStudio, ScriptedModel, ScriptedOllama, empty, status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import CommandLine

TASK = "Create a simple calculator class"
CHAT = "/api/chat"


@pytest.fixture
def ollama(conductor: CommandLine) -> Iterator[ScriptedOllama]:
    """An Ollama with two models, in reach."""
    with ScriptedOllama("qwen3:8b", "llama3.2:3b") as server:
        conductor.reach(server)
        yield server


def document(text: str) -> dict[str, Any]:
    """The one JSON document of standard output."""
    found = json.loads(text)
    assert isinstance(found, dict)
    assert next(iter(found)) == "schema"
    return found


# The main job


def test_ollama_and_lm_studio_give_one_prompt(conductor: CommandLine) -> None:
    """The prompt alone is on standard output, all else on standard error, and no escape code in either."""
    with ScriptedOllama("qwen3:8b") as ollama, ScriptedLMStudio("google/gemma-3-4b") as lmstudio:
        conductor.reach(ollama, lmstudio)
        done = conductor("--strategy", "majority", TASK)
        assert done.returncode == 0, done.stderr
        assert len(ollama.asked(CHAT)) == 1
        assert len(lmstudio.asked("/v1/chat/completions")) == 1
    assert TASK in done.stdout
    assert "class Calculator" in done.stdout
    assert "Asking lmstudio/google/gemma-3-4b, ollama/qwen3:8b" in done.stderr
    assert "Asking" not in done.stdout
    assert "\x1b" not in done.stdout + done.stderr


def test_a_run_as_json_has_every_key(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """One document `conductor.run/1`, whose keys scripts rely on."""
    done = conductor("--json", "-s", "majority", TASK)
    assert done.returncode == 0, done.stderr
    run = document(done.stdout)
    assert list(run) == [
        "schema", "id", "started", "seconds", "task", "models", "answers", "consensus", "prompt", "warnings",
    ]  # fmt: skip
    assert run["schema"] == "conductor.run/1"
    assert run["task"] == {"text": TASK, "kind": "class", "language": "python"}
    assert sorted(run["models"]) == ["ollama/llama3.2:3b", "ollama/qwen3:8b"]
    for answer in run["answers"]:
        assert set(answer) >= {
            "model", "sample", "text", "reasoning", "data", "code", "finish_reason", "error", "prompt_cut", "seconds",
            "first_token_seconds", "prompt_tokens", "completion_tokens",
        }  # fmt: skip
        assert answer["error"] is None
    assert set(run["consensus"]) >= {
        "strategy", "confidence", "calibrated", "agreement", "signals", "outcome", "fields", "disagreements",
        "choice", "witness", "advice", "weights", "explanation",
    }  # fmt: skip
    assert run["consensus"]["strategy"] == "majority"
    assert set(run["prompt"]) >= {"text", "renderer", "template", "tokens"}
    assert run["prompt"]["renderer"] == "jinja"


def test_the_prompt_goes_to_the_file_of_output(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """With `-o` nothing is left for standard output; with `-q` nothing for standard error."""
    done = conductor("-o", "prompt.md", "-q", TASK)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert TASK in (conductor.folder / "prompt.md").read_text(encoding="utf-8")


def test_what_runs_elsewhere_or_cannot_chat_is_not_asked(conductor: CommandLine) -> None:
    """Embedding models and models of somebody else's computer are listed, and not asked."""
    models = [
        ScriptedModel(name="qwen3:8b"),
        ScriptedModel(name="nomic-embed-text", embedding=True),
        ScriptedModel(name="gpt-oss:120b-cloud", remote=True),
    ]
    with ScriptedOllama(*models) as ollama:
        conductor.reach(ollama)
        done = conductor("-n", "1", TASK)
        assert done.returncode == 0, done.stderr
        assert [request.model for request in ollama.asked(CHAT)] == ["qwen3:8b"]
        listed = {model["name"]: model for model in document(conductor("models", "--json").stdout)["models"]}
    assert listed["nomic-embed-text"]["kind"] == "embedding"
    assert listed["gpt-oss:120b-cloud"]["remote"] is True


def test_a_quorum_ends_the_waiting(conductor: CommandLine) -> None:
    """Once enough answers are in, the one that does not come is cancelled."""
    slow = ScriptedModel(name="slow:1b", pace=3600)
    with ScriptedOllama("one:1b", "two:1b", slow) as ollama:
        conductor.reach(ollama)
        done = conductor("--quorum", "2", "--json", TASK)
        ollama.wait_until(lambda: all(request.outcome != "open" for request in ollama.asked(CHAT, "slow:1b")))
    assert done.returncode == 0, done.stderr
    answers = {answer["model"]: answer for answer in document(done.stdout)["answers"]}
    assert answers["ollama/one:1b"]["error"] is None
    assert answers["ollama/two:1b"]["error"] is None
    assert "ollama/slow:1b" not in answers or answers["ollama/slow:1b"]["error"]["kind"] == "cancelled"


def test_too_little_confidence_is_exit_5_with_the_result(conductor: CommandLine) -> None:
    """The prompt is printed all the same: a person may still want it."""
    with ScriptedOllama("one:1b", ScriptedModel(name="two:1b", reply="Use a dictionary of lambdas.")) as ollama:
        conductor.reach(ollama)
        done = conductor("-s", "majority", "--min-confidence", "1.0", TASK)
    assert done.returncode == 5
    assert TASK in done.stdout
    assert "the agreement, which no calibration turns into a probability here, is 0.50, less than the 1" in done.stderr
    assert_two_lines(done.stderr)


def assert_two_lines(stderr: str) -> None:
    """One error, one hint, no traceback."""
    lines = stderr.splitlines()
    assert len([line for line in lines if line.startswith("Error: ")]) == 1, stderr
    assert len([line for line in lines if line.startswith("Hint: ")]) == 1, stderr
    assert "Traceback" not in stderr


def test_without_a_model_it_is_exit_3(conductor: CommandLine) -> None:
    """A document is printed too: a script reads it in any case."""
    done = conductor("--json", TASK)
    assert done.returncode == 3
    assert_two_lines(done.stderr)
    run = document(done.stdout)
    assert (run["models"], run["answers"], run["consensus"], run["prompt"]) == ([], [], None, None)


def test_when_every_answer_fails_it_is_exit_4(conductor: CommandLine) -> None:
    """Each failure is in the document with its kind and what to do."""
    models = [
        ScriptedModel(name="crashed:1b", fault=status(500, {"error": "the model has crashed"})),
        ScriptedModel(name="mute:1b", fault=empty()),
    ]
    with ScriptedOllama(*models) as ollama:
        conductor.reach(ollama)
        done = conductor("--json", TASK)
    assert done.returncode == 4
    assert_two_lines(done.stderr)
    run = document(done.stdout)
    kinds = {answer["model"]: answer["error"]["kind"] for answer in run["answers"]}
    assert kinds == {"ollama/crashed:1b": "server", "ollama/mute:1b": "empty"}
    assert (run["consensus"], run["prompt"]) == (None, None)


def test_a_model_that_only_thinks_does_not_stop_the_others(conductor: CommandLine) -> None:
    """Reasoning without an answer is no answer."""
    with ScriptedOllama("one:1b", ScriptedModel(name="two:1b", reply=Said(reasoning="Hm."))) as ollama:
        conductor.reach(ollama)
        done = conductor("--json", TASK)
    assert done.returncode == 0, done.stderr
    errors = {answer["model"]: answer["error"] for answer in document(done.stdout)["answers"]}
    assert errors["ollama/one:1b"] is None
    assert errors["ollama/two:1b"]["kind"] == "empty"


# What is read


def test_a_dash_reads_the_task_from_standard_input(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """Unicode comes through as it was written."""
    task = "Écris une fonction qui additionne deux nombres 🧮"
    done = conductor("--json", "-", stdin=task)
    assert done.returncode == 0, done.stderr
    assert document(done.stdout)["task"]["text"] == task


def test_context_from_standard_input_reaches_the_models(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """`-c -` is for `git diff | conductor -c - …`."""
    done = conductor("-c", "-", TASK, stdin="MARKER = 'of the context'\n")
    assert done.returncode == 0, done.stderr
    for request in ollama.asked(CHAT):
        assert "MARKER = 'of the context'" in json.dumps(request.body["messages"])


def test_conductor_alone_prints_the_help(conductor: CommandLine) -> None:
    """Exit 2: nothing was asked for."""
    done = conductor()
    assert done.returncode == 2
    assert "conductor [OPTIONS] TASK…" in done.stdout
    assert done.stderr == ""


# What is kept


def test_runs_are_listed_and_shown(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """The newest first; a run is found by its id, a unique beginning of it, or `last`."""
    first = document(conductor("--json", TASK).stdout)
    second = document(conductor("--json", "-s", "majority", "Write a parser").stdout)
    runs = document(conductor("history", "--json").stdout)["runs"]
    assert [run["id"] for run in runs] == [second["id"], first["id"]]
    assert runs[0] == {
        "id": second["id"],
        "command": "run",
        "started": second["started"],
        "seconds": second["seconds"],
        "task": "Write a parser",
        "strategy": "majority",
        "confidence": second["consensus"]["confidence"],
        "models": second["models"],
        "status": "finished",
        "agreement": second["consensus"]["agreement"],
        "calibrated": second["consensus"]["calibrated"],
        "outcome": None,
    }
    assert document(conductor("show", "last", "--json").stdout) == second
    assert document(conductor("show", first["id"].upper()[:25], "--json").stdout) == first
    shown = conductor("show", "last")
    assert shown.returncode == 0, shown.stderr
    assert "Write a parser" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert first["id"][:12] in conductor("history").stdout
    unknown = conductor("show", "zzz")
    assert unknown.returncode == 2
    assert_two_lines(unknown.stderr)


def test_without_history_nothing_is_written(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """`--no-history` leaves no file behind."""
    done = conductor("--no-history", TASK)
    assert done.returncode == 0, done.stderr
    assert not (conductor.data / "history.db").exists()
    assert document(conductor("history", "--json").stdout)["runs"] == []


def test_the_log_has_json_lines(conductor: CommandLine, ollama: ScriptedOllama) -> None:
    """One object a line, with the answers among them."""
    done = conductor("--log-file", "run.log", TASK)
    assert done.returncode == 0, done.stderr
    lines = (conductor.folder / "run.log").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    assert {"Discovered", "RunStarted", "Answered", "Decided"} <= {entry["event"] for entry in entries}
    assert all({"time", "level", "message"} <= set(entry) for entry in entries)


# Around it


@pytest.mark.parametrize("command", ["models", "plugins", "doctor", "config", "history", "templates"])
def test_commands_that_look_around_need_no_server(conductor: CommandLine, command: str) -> None:
    """Exit 0 with nothing reachable, and no error."""
    done = conductor(command)
    assert done.returncode == 0, done.stderr
    assert "Error:" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")
def test_a_table_shows_the_ids_whole(conductor: CommandLine) -> None:
    """They are what a person types after `--model`: on a terminal of 80 columns, and in a pipe at any length."""
    usual, long = "qwen3-coder:30b-a3b-q4_K_M", "x" * 200
    with ScriptedOllama(usual) as ollama:
        conductor.reach(ollama)
        assert f"ollama/{usual}" in conductor.on_terminal("models", columns=80)
    with ScriptedOllama(usual, long) as ollama:
        conductor.reach(ollama)
        piped = conductor("models").stdout
        narrow = conductor.on_terminal("models", columns=40)
    table = piped.partition("\n\n")[0]
    assert [line.split()[0] for line in table.splitlines()[1:]] == [f"ollama/{usual}", f"ollama/{long}"]
    assert "…" not in narrow


def test_the_name_of_a_model_does_not_steer_the_terminal(conductor: CommandLine) -> None:
    """A server may say what it likes: control characters are shown, not obeyed."""
    with ScriptedOllama("evil\x1b[2J:1b") as ollama:
        conductor.reach(ollama)
        assert "ollama/evil\\x1b[2J:1b" in conductor("models").stdout


def test_unreachable_hosts_are_problems_with_a_remedy(conductor: CommandLine) -> None:
    """`models --json` names the host, the reason and what to do."""
    found = document(conductor("models", "--json").stdout)
    assert found["models"] == []
    problems = {problem["provider"]: problem for problem in found["problems"]}
    for provider in ("ollama", "lmstudio"):
        assert problems[provider]["host"] == "http://127.0.0.1:9"
        assert problems[provider]["error"]
        assert problems[provider]["hint"]


def test_the_hosts_of_a_project_count_once_they_are_trusted(conductor: CommandLine) -> None:
    """A cloned repository must not redirect prompts; a change of the file takes the trust away."""
    with ScriptedOllama("qwen3:8b") as ollama:
        text = f'[providers.ollama]\nhosts = ["{ollama.host}"]\n'
        file = conductor.write("conductor.toml", text)
        before = conductor("models", "--json")
        assert before.returncode == 0
        assert document(before.stdout)["models"] == []
        assert not ollama.requests
        assert "Warning: " in before.stderr
        assert "hosts" in before.stderr
        assert "conductor config trust" in before.stderr

        trusted = conductor("config", "trust")
        assert trusted.returncode == 0, trusted.stderr
        assert ollama.host in trusted.stdout
        after = conductor("models", "--json")
        assert [model["id"] for model in document(after.stdout)["models"]] == ["ollama/qwen3:8b"]
        assert "Warning: " not in after.stderr

        file.write_text(text + "\n# changed\n", encoding="utf-8")
        assert document(conductor("models", "--json").stdout)["models"] == []


def test_there_is_nothing_to_trust_without_a_project_file(conductor: CommandLine) -> None:
    """Exit 2, with what a project file is."""
    done = conductor("config", "trust")
    assert done.returncode == 2
    assert_two_lines(done.stderr)
