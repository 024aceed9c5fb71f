"""`conductor calibrate` makes confidences of known outcomes, and refuses where there are too few."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.conftest import CommandLine

TASK = "Write a function is_palindrome(text)"


def lines(items: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


def a_decision(number: int, **changes: Any) -> dict[str, Any]:
    """A line as `conductor consensus` prints it, of a strategy that brings no calibration."""
    return {
        "schema": "conductor.decision/1",
        "task_id": f"t{number}",
        "kind": "function",
        "strategy": "longest",
        "agreement": 0.9 if number % 2 else 0.4,
        "signals": {},
        "choice": {"model": "birch", "sample": 0},
        **changes,
    }


def an_outcome(number: int, *, passed: bool) -> dict[str, Any]:
    return {"task_id": f"t{number}", "model": "birch", "sample": 0, "passed": passed}


@pytest.fixture
def known(conductor: CommandLine) -> Callable[..., tuple[str, ...]]:
    """Files of so many decisions: with much agreement six in ten are right, with little two in ten."""

    def write(count: int, **changes: Any) -> tuple[str, ...]:
        decisions = [a_decision(number, **changes) for number in range(count)]
        outcomes = [an_outcome(n, passed=(n // 2) % 10 < (6 if n % 2 else 2)) for n in range(count)]
        (conductor.folder / "decisions.jsonl").write_text(lines(decisions), encoding="utf-8")
        (conductor.folder / "outcomes.jsonl").write_text(lines(outcomes), encoding="utf-8")
        return "decisions.jsonl", "--outcomes", "outcomes.jsonl"

    return write


def own_table(conductor: CommandLine) -> Path:
    return conductor.data / "calibration.json"


def test_outcomes_make_a_table_that_decisions_use(conductor: CommandLine, known: Any) -> None:
    """What was nine tenths of the votes is six tenths of a chance from then on."""
    done = conductor("calibrate", *known(400))
    assert done.returncode == 0, done.stderr
    assert "400 decisions with a known outcome" in done.stderr
    head, agreement, confidence = done.stdout.splitlines()
    assert head.split()[:7] == ["strategy", "kind", "record", "outcomes", "right", "by", "ECE"]
    assert agreement.split()[:6] == ["longest", "code", "no", "400", "0.40", "agreement"]
    assert float(agreement.split()[6]) == pytest.approx(0.25, abs=0.03)
    assert confidence.split()[1] == "confidence"
    assert float(confidence.split()[2]) < 0.06
    table = json.loads(own_table(conductor).read_text(encoding="utf-8"))
    assert [(e["strategy"], e["kind"], e["record"], e["n"]) for e in table["calibrations"]] == [
        ("longest", "code", False, 400)
    ]


def test_with_json_the_table_is_printed(conductor: CommandLine, known: Any) -> None:
    """And with -o it is not used, as somebody wants to ship it."""
    done = conductor("calibrate", *known(100), "--json", "-o", "mine.json", "-q")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads((conductor.folder / "mine.json").read_text(encoding="utf-8"))
    assert done.stderr == ""
    assert not own_table(conductor).exists()


def test_the_terms_can_be_named(conductor: CommandLine, known: Any) -> None:
    """By who makes the table that comes with a strategy."""
    files = known(100, signals={"passed": 1.0})
    done = conductor("calibrate", *files, "--json", "--terms", "agreement:plain,passed:plain")
    (entry,) = json.loads(done.stdout)["calibrations"]
    assert [(term["signal"], term["form"]) for term in entry["terms"]] == [("agreement", "plain"), ("passed", "plain")]
    for terms in ("agreement", "agreement:cube", ":log", "agreement:log,agreement:log"):
        refused = conductor("calibrate", *files, "--terms", terms)
        assert refused.returncode == 2
        assert "--terms" in refused.stderr


def test_fewer_than_sixty_outcomes_are_refused(conductor: CommandLine, known: Any) -> None:
    """Fitted to so few, a curve is further from the truth than the agreement; nothing is written."""
    done = conductor("calibrate", *known(59))
    assert done.returncode == 2
    assert "there are 59 known outcomes of one strategy on one kind of task, and a calibration needs 60" in done.stderr
    assert "Hint: " in done.stderr
    assert not own_table(conductor).exists()


def test_what_is_not_known_is_counted_and_left_out(conductor: CommandLine, known: Any) -> None:
    """Decisions without an outcome, and tasks without a choice."""
    files = known(80)
    with (conductor.folder / "decisions.jsonl").open("a", encoding="utf-8") as file:
        file.write(lines([a_decision(1000), a_decision(1001, choice=None, strategy=None)]))
    done = conductor("calibrate", *files)
    assert "80 decisions with a known outcome, 1 without one, 1 tasks without a choice" in done.stderr


def test_several_files_are_judged_by_each_other(conductor: CommandLine, known: Any) -> None:
    """A curve that holds for one set of tasks need not hold for the next."""
    known(240)
    decisions = (conductor.folder / "decisions.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    for name, part in (("a.jsonl", decisions[:120]), ("b.jsonl", decisions[120:])):
        (conductor.folder / name).write_text("".join(part), encoding="utf-8")
    done = conductor("calibrate", "a.jsonl", "b.jsonl", "--outcomes", "outcomes.jsonl")
    assert done.returncode == 0, done.stderr
    assert "… other files" in done.stdout
    assert "From a.jsonl, b.jsonl: 240 decisions" in done.stderr


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("decisions.jsonl", "{", "not JSON"),
        ("decisions.jsonl", '{"task_id": "a"}', "'kind' is missing"),
        ("decisions.jsonl", json.dumps(a_decision(0, signals={"share": "much"})), "'signals': expected"),
        ("outcomes.jsonl", '{"task_id": "a", "model": "birch", "sample": 0, "passed": 1}', "'passed': expected"),
    ],
)
def test_a_malformed_line_is_named(conductor: CommandLine, known: Any, file: str, line: str, fault: str) -> None:
    """File, line and what is wrong; exit 2."""
    files = known(60)
    with (conductor.folder / file).open("a", encoding="utf-8") as opened:
        opened.write(line + "\n")
    done = conductor("calibrate", *files)
    assert done.returncode == 2
    assert f"Error: {file}, line 61: {fault}" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [(("a.jsonl",), "--outcomes is missing"), (("--outcomes", "a.jsonl"), "the argument DECISIONS is missing")],
)
def test_decisions_and_outcomes_come_together(conductor: CommandLine, arguments: tuple[str, ...], missing: str) -> None:
    """One says nothing without the other."""
    done = conductor("calibrate", *arguments)
    assert done.returncode == 2
    assert missing in done.stderr


def test_a_damaged_table_of_before_is_replaced(conductor: CommandLine, known: Any) -> None:
    """With a warning."""
    conductor.data.mkdir(exist_ok=True)
    own_table(conductor).write_text("{", encoding="utf-8")
    done = conductor("calibrate", *known(60))
    assert done.returncode == 0
    assert "is replaced: it is no table of calibrations" in done.stderr
    assert json.loads(own_table(conductor).read_text(encoding="utf-8"))["calibrations"]


# The history


@pytest.fixture
def ran(conductor: CommandLine) -> Iterator[CommandLine]:
    """A history with one run of two models."""
    with ScriptedOllama("qwen3:8b", "llama3.2:3b") as server:
        conductor.reach(server)
        assert conductor("-q", TASK).returncode == 0
        yield conductor


def test_a_person_says_whether_a_run_was_right(ran: CommandLine) -> None:
    """The last word counts, and the list shows it."""
    told = ran("history", "outcome", "last", "passed")
    assert (told.returncode, told.stdout) == (0, "")
    (run,) = json.loads(ran("history", "--json").stdout)["runs"]
    assert f"Run {run['id']} has passed." in told.stderr
    assert run["outcome"] == "passed"
    assert ran("history", "outcome", run["id"][:20], "failed").returncode == 0
    (run,) = json.loads(ran("history", "--json").stdout)["runs"]
    assert run["outcome"] == "failed"
    assert " failed " in ran("history").stdout.splitlines()[1]


def test_only_a_run_that_chose_something_can_be_right(conductor: CommandLine) -> None:
    """Another RUN, another word, and a run without an answer are exit 2."""
    assert "the history is empty" in conductor.refused(2, "history", "outcome", "last", "passed")
    assert conductor("-q", TASK).returncode == 3
    assert "chose no answer" in conductor.refused(2, "history", "outcome", "last", "passed")
    conductor.refused(2, "history", "outcome", "last", "perhaps")


def test_the_history_is_fitted_where_no_file_is_named(ran: CommandLine) -> None:
    """Below sixty outcomes it says how many there are; from there on later runs have a probability."""
    ran("history", "outcome", "last", "passed")
    assert "there are 1 known outcomes" in ran.refused(2, "calibrate")
    with closing(sqlite3.connect(ran.data / "history.db")) as connection, connection:
        for number in range(80):
            connection.execute(
                "INSERT INTO run SELECT ?, command, started, seconds, task, strategy, confidence, models, status,"
                " json_set(document, '$.task.text', ?, '$.consensus.strategy', 'majority') FROM run LIMIT 1",
                (f"copy{number}", f"task {number}"),
            )
            connection.execute(
                "INSERT INTO outcome VALUES (?, 'ollama/llama3.2:3b', 0, 'test', ?, '2026-11-24')",
                (f"copy{number}", number % 4 > 0),
            )
    done = ran("calibrate")
    assert done.returncode == 0, done.stderr
    assert "From the history: 81 decisions with a known outcome" in done.stderr
    assert ran("-q", "-s", "majority", "--json", TASK).returncode == 0
    consensus = json.loads(ran("show", "last", "--json").stdout)["consensus"]
    assert consensus["calibrated"]
    assert consensus["agreement"] == 1.0
    assert consensus["confidence"] == pytest.approx(0.75, abs=0.05)
    assert " conf" in ran("history").stdout.splitlines()[0]
    assert "confidence 0.7" in ran("show", "last").stdout


# Abstaining


def test_a_recorded_decision_below_the_least_confidence_is_an_abstention(conductor: CommandLine) -> None:
    """It is printed all the same, marked, and the exit is 5; the others are as ever."""
    tasks = [{"task_id": name, "prompt": "What is 17 + 25?", "kind": "question"} for name in ("sure", "torn")]
    said = {"sure": ["42", "42", "42", "42"], "torn": ["42", "41", "40", "39"]}
    answers = [
        {"task_id": task, "model": f"m{number}", "sample": 0, "answer": text}
        for task, texts in said.items()
        for number, text in enumerate(texts)
    ]
    (conductor.folder / "tasks.jsonl").write_text(lines(tasks), encoding="utf-8")
    (conductor.folder / "answers.jsonl").write_text(lines(answers), encoding="utf-8")
    arguments = ("consensus", "answers.jsonl", "--tasks", "tasks.jsonl", "-s", "majority", "--min-confidence")
    done = conductor(*arguments, "0.6", "--json")
    assert done.returncode == 5
    assert "Error: 1 of 2 decisions are below --min-confidence\n" in done.stderr
    sure, torn = map(json.loads, done.stdout.splitlines())
    assert (sure["abstained"], torn["abstained"]) == (False, True)
    assert sure["calibrated"]
    assert torn["choice"] is not None
    assert torn["confidence"] < 0.6 <= sure["confidence"]
    assert "(abstained)" in conductor(*arguments, "0.6").stdout.splitlines()[2]
    assert conductor(*arguments, "0").returncode == 0
