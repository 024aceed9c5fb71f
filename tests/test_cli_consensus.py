"""`conductor consensus` as a script meets it: lines in, lines out, and what is decided of which evidence."""

from __future__ import annotations

import gzip
import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import CommandLine

KEYS = [
    "schema", "task_id", "kind", "strategy", "confidence", "calibrated", "abstained", "agreement", "signals", "choice",
    "outcome", "support", "disagreements", "witness", "advice", "explanation", "error",
]  # fmt: skip


def lines(*objects: dict[str, Any]) -> str:
    """JSON lines."""
    return "".join(json.dumps(item) + "\n" for item in objects)


def task(task_id: str, **fields: Any) -> dict[str, Any]:
    """A question."""
    return {"task_id": task_id, "prompt": "What is it?", "kind": "question"} | fields


def said(task_id: str, model: str, answer: str, sample: int = 0) -> dict[str, Any]:
    """An answer."""
    return {"task_id": task_id, "model": model, "sample": sample, "answer": answer}


def outcomes(count: int, **rates: float) -> list[dict[str, Any]]:
    """Outcomes of other tasks: each model is right on its share of them."""
    return [
        {"task_id": f"old-{number}", "model": model, "sample": 0, "passed": number < rate * count}
        for number in range(count)
        for model, rate in rates.items()
    ]


def decisions(text: str) -> list[dict[str, Any]]:
    """The documents of standard output or of a file."""
    return [json.loads(line) for line in text.split("\n") if line]


# Lines


def test_each_task_gets_a_line_in_the_order_of_the_tasks(conductor: CommandLine, recorded: Any) -> None:
    """However the answers are ordered; a task without any says so, and the rest goes on."""
    arguments = recorded(
        [task("b"), task("none"), task("a")],
        [said("a", "m1", "5"), said("b", "m1", "The answer is 4."), said("b", "m2", "4"), said("a", "m2", "5")],
    )
    done = conductor(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    first, second, third = decisions(done.stdout)
    assert list(first) == KEYS
    assert [first["task_id"], second["task_id"], third["task_id"]] == ["b", "none", "a"]
    assert first["outcome"] == {"answer": "4"}
    assert first["agreement"] == 1.0
    assert first["calibrated"]
    assert 0.5 < first["confidence"] < 1.0
    assert first["choice"]["model"] in ("m1", "m2")
    assert (second["choice"], second["outcome"]) == (None, None)
    assert "no answers" in second["error"]
    assert "3 of 3 tasks decided, 1 of them without a choice" in done.stderr


def test_without_json_it_is_a_table(conductor: CommandLine, recorded: Any) -> None:
    """A row a task, with what a person looks for."""
    done = conductor(*recorded([task("a")], [said("a", "m1", "4")]), "-q")
    assert done.returncode == 0
    head, row = done.stdout.splitlines()
    assert head.split() == ["task", "agreement", "confidence", "strategy", "choice", "outcome"]
    assert [cell for cell in row.split() if not cell.startswith("0.")] == ["a", "1.00", "majority", "m1", "#1", "4"]


@pytest.mark.parametrize("packed", ["tasks", "answers"])
def test_gzip_is_read_as_plain_text_is(conductor: CommandLine, recorded: Any, packed: str) -> None:
    """Whatever the file is called."""
    arguments = recorded([task("a")], [said("a", "m1", "4")])
    plain = conductor(*arguments, "--json").stdout
    path = conductor.folder / f"{packed}.jsonl"
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert conductor(*arguments, "--json").stdout == plain != ""


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_answers_may_come_on_standard_input(
    conductor: CommandLine, recorded: Any, pack: Callable[[bytes], bytes]
) -> None:
    """A pipe cannot be read twice, and is not."""
    recorded([task("a")], [])
    given = pack(lines(said("a", "m1", "4")).encode())
    done = conductor("consensus", "-", "--tasks", "tasks.jsonl", "--json", "-q", stdin=given)
    assert decisions(done.stdout)[0]["choice"] == {"model": "m1", "sample": 0}


def test_progress_is_a_bar_on_a_terminal_that_shows_nothing_else(conductor: CommandLine, recorded: Any) -> None:
    """The decisions go to a file."""
    import pty

    conductor.environment["TERM"] = "xterm"
    arguments = recorded([task("a"), task("b")], [said("a", "m1", "4")])
    ours, theirs = pty.openpty()
    process = conductor.start(*arguments, "-o", "out.jsonl", stderr=theirs)
    os.close(theirs)
    shown = b""
    with os.fdopen(ours, "rb", buffering=0) as terminal, suppress(OSError):  # Linux's way to say that it is closed
        while piece := terminal.read(65536):
            shown += piece
    assert process.wait() == 0
    assert b"Deciding" in shown
    assert b"100%" in shown


# The track record


def test_outcomes_that_speak_for_one_model_let_it_decide_alone(conductor: CommandLine, recorded: Any) -> None:
    """Against the majority, and the reader is told."""
    arguments = recorded([task("a")], [said("a", "alder", "4"), *(said("a", name, "5") for name in ("elm", "fir"))])
    known = outcomes(60, alder=0.95, elm=0.1, fir=0.1)
    conductor.write("outcomes.jsonl", lines(*known))
    decision = decisions(conductor(*arguments, "--json", "--outcomes", "outcomes.jsonl").stdout)[0]
    assert decision["strategy"] == "best"
    assert decision["outcome"] == {"answer": "4"}
    assert "use alder alone" in decision["advice"]
    assert decision["agreement"] == pytest.approx(1 / 3)


def test_outcomes_of_the_tasks_themselves_are_not_learned_from(conductor: CommandLine, recorded: Any) -> None:
    """They would be the truth that is to be found."""
    answers = [said("old-0", "alder", "4"), *(said("old-0", name, "5") for name in ("elm", "fir"))]
    arguments = recorded([task("old-0")], answers)
    conductor.write("outcomes.jsonl", lines(*(item for item in outcomes(1, alder=1.0, elm=0.0, fir=0.0))))
    done = conductor(*arguments, "--json", "--outcomes", "outcomes.jsonl")
    assert decisions(done.stdout)[0]["outcome"] == {"answer": "5"}
    assert "of a task that is to be decided" in done.stderr


def test_ties_go_to_the_models_that_were_right_more_often(conductor: CommandLine, recorded: Any) -> None:
    """Which a vote without outcomes cannot know."""
    for better, worse in (("elm", "fir"), ("fir", "elm")):
        arguments = recorded([task("a")], [said("a", better, "4"), said("a", worse, "5")])
        conductor.write("outcomes.jsonl", lines(*outcomes(10, **{better: 0.8, worse: 0.7})))
        decision = decisions(conductor(*arguments, "--json", "--outcomes", "outcomes.jsonl").stdout)[0]
        assert decision["choice"]["model"] == better


def test_weights_are_taken_as_they_are(conductor: CommandLine, recorded: Any) -> None:
    """A model that is not named has the weight 1."""
    arguments = recorded([task("a")], [said("a", "alder", "4"), said("a", "elm", "5"), said("a", "fir", "5")])
    conductor.write("weights.json", '{"alder": 3}')
    decision = decisions(conductor(*arguments, "--json", "--weights", "weights.json").stdout)[0]
    assert decision["outcome"] == {"answer": "4"}
    assert decision["agreement"] == pytest.approx(3 / 5)


@pytest.mark.parametrize("text", ["[]", "{", '{"m": -1}', '{"m": "1"}', '{"m": true}', '{"m": NaN}'])
def test_what_are_no_weights_is_refused(conductor: CommandLine, recorded: Any, text: str) -> None:
    """By the file's name."""
    conductor.write("weights.json", text)
    assert "weights.json" in conductor.refused(2, *recorded([], []), "--weights", "weights.json")


def test_a_malformed_outcome_is_named_by_file_and_line(conductor: CommandLine, recorded: Any) -> None:
    """As a malformed answer is, also within gzip."""
    text = lines(*outcomes(1, alder=1.0)) + '{"task_id": "x", "model": "m", "sample": 0, "passed": 1}\n'
    conductor.write("outcomes.jsonl", gzip.compress(text.encode()))
    shown = conductor.refused(2, *recorded([task("a")], []), "--outcomes", "outcomes.jsonl")
    assert "outcomes.jsonl, line 2: 'passed': expected true or false, got 1" in shown


# Code


def test_agreement_on_programs_that_fail_everywhere_proves_little(conductor: CommandLine, recorded: Any) -> None:
    """Two that say the same and do nothing that can be compared; the same two, working, are believed."""
    prompt = "Write a function largest(numbers: list[int]) -> int that gives the largest number, or 0 of none."
    works = "```python\ndef largest(numbers):\n    return max(numbers, default=0)\n```"
    fails = "```python\ndef largest(numbers):\n    return maximum(numbers)\n```"
    asked = [task(name, prompt=prompt, kind="function", entry_point="largest") for name in ("works", "fails")]
    given = [said(name, model, text) for name, text in {"works": works, "fails": fails}.items() for model in "ab"]
    done = conductor(*recorded(asked, given), "--strategy", "execution", "--json")
    sure, unsure = decisions(done.stdout)
    assert (sure["agreement"], unsure["agreement"]) == (1.0, 1.0)
    assert (sure["signals"]["sound"], unsure["signals"]["sound"]) == (1.0, 0.0)
    assert unsure["confidence"] < 0.5 < sure["confidence"]


def test_no_candidate_is_run_where_that_is_forbidden(conductor: CommandLine, recorded: Any) -> None:
    """Texts decide then, or the best model where one is known; it is said that nothing was run."""
    code = task("f", kind="function", entry_point="add", prompt="Add two numbers.")
    program = "```python\ndef add(a, b):\n    return {}\n```"
    answers = [said("f", "alder", program.format("a + b")), said("f", "elm", program.format("sum([a, b])"))]
    arguments = (*recorded([code], answers), "--json", "--no-execute")
    decision = decisions(conductor(*arguments).stdout)[0]
    assert decision["strategy"] == "medoid"
    assert "No candidate was run" in decision["explanation"]
    conductor.write("outcomes.jsonl", lines(*outcomes(10, alder=0.3, elm=0.9)))
    decision = decisions(conductor(*arguments, "--outcomes", "outcomes.jsonl").stdout)[0]
    assert decision["strategy"] == "best"
    assert decision["choice"] == {"model": "elm", "sample": 0}
    assert "No candidate was run" in decision["explanation"]


def test_the_confidence_in_code_is_a_probability(conductor: CommandLine, recorded: Any) -> None:
    """Of agreement, of examples that are passed, and of the models' rates; what fails an example is hardly right."""
    tasks = [task(name, kind="function", entry_point="add", prompt="Add two numbers.") for name in "abc"]
    tasks[0]["examples"] = tasks[2]["examples"] = [{"input": [1, 2], "output": 3}]
    program = "```python\ndef add(a, b):\n    return {}\n```"
    ways = {"alder": "a + b", "elm": "sum([a, b])", "fir": "b + a"}
    answers = [said(name, model, program.format(way)) for name in "ab" for model, way in ways.items()]
    answers += [said("c", model, program.format(way.replace("b", "0"))) for model, way in ways.items()]
    agreed, untested, wrong = decisions(conductor(*recorded(tasks, answers), "--json").stdout)
    assert [it["strategy"] for it in (agreed, untested, wrong)] == ["execution"] * 3
    assert agreed["calibrated"]
    assert 0.5 < agreed["confidence"] < 1
    assert untested["signals"]["examples"] == 0
    assert wrong["confidence"] < 0.3 < untested["confidence"]
    conductor.write("outcomes.jsonl", lines(*outcomes(40, alder=0.95, elm=0.9, fir=0.95)))
    known = decisions(conductor(*recorded(tasks, answers), "--json", "--outcomes", "outcomes.jsonl").stdout)
    assert all(it["calibrated"] for it in known)
    assert known[2]["confidence"] < 0.5 < known[0]["confidence"]


@pytest.mark.parametrize("strategy", ["execution", "mbr", "codet", "b4", "medoid", "judge"])
def test_a_strategy_for_code_has_calls_voted_on(conductor: CommandLine, recorded: Any, strategy: str) -> None:
    """By name and normalised arguments, with the dissent, under the strategy's own name."""
    rome = '{"name": "get_weather", "arguments": {"city": "Rome", "unit": "C", "days": 3}}'
    again = '```json\n{"name": "get_weather", "arguments": {"days": 3.0, "unit": "C", "city": "Rome"}}\n```'
    oslo = '{"name": "get_weather", "arguments": {"city": "Oslo"}}'
    arguments = recorded(
        [task("t", kind="call", prompt="Weather?", functions=[{"name": "get_weather", "parameters": {}}])],
        [said("t", "x0", oslo), said("t", "x1", rome), said("t", "x2", again)],
    )
    (decision,) = decisions(conductor(*arguments, "--strategy", strategy, "--json").stdout)
    assert decision["strategy"] == strategy
    assert decision["agreement"] == pytest.approx(2 / 3)
    assert decision["choice"]["model"] in ("x1", "x2")
    (dissent,) = decision["disagreements"]
    assert (dissent["field"], len(dissent["options"])) == ("calls", 2)
    assert "majority decided" in decision["explanation"]


# A model in reach


def test_a_model_judges_between_recorded_answers_only_when_asked_to(conductor: CommandLine, recorded: Any) -> None:
    """`judge` asks the model that is in reach; no other strategy asks anybody."""
    judge = ScriptedModel(name="judge", reply='{"reason": "17 + 25 is 42", "verdict": "B"}', loaded=True)
    arguments = recorded([task("sum")], [said("sum", "alder", "41"), said("sum", "elm", "42")])
    with ScriptedOllama(judge) as server:
        conductor.reach(server)
        decision = decisions(conductor(*arguments, "--json").stdout)[0]
        assert decision["strategy"] == "majority"
        assert server.requests == []
        decision = decisions(conductor(*arguments, "--json", "-s", "judge").stdout)[0]
    assert "ollama/judge preferred whatever stood second, which is no verdict" in decision["explanation"]


@pytest.mark.parametrize("kind", ["question", "function"])
def test_answers_are_decided_without_a_majority_too(conductor: CommandLine, recorded: Any, kind: str) -> None:
    """Whatever else is installed: what all say is no reason to give none of it."""
    conductor.environment["CONDUCTOR_PLUGINS__DISABLED"] = "consensus_majority"
    answer = "4" if kind == "question" else "```python\ndef add(a, b):\n    return a + b\n```"
    arguments = recorded([task("a", kind=kind)], [said("a", "m1", answer), said("a", "m2", answer)])
    done = conductor(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    (decision,) = decisions(done.stdout)
    assert (decision["strategy"], decision["agreement"]) == ("medoid", 1.0)
