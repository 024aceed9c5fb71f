"""`conductor consensus` as a script meets it: lines in, lines out, whatever is wrong with the files."""

from __future__ import annotations

import gzip
import json
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

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


@pytest.fixture
def recorded(conductor: CommandLine) -> Callable[..., tuple[str, ...]]:
    """Writes the two files, and gives the arguments of the command."""

    def write(tasks: Iterable[dict[str, Any]], answers: Iterable[dict[str, Any]]) -> tuple[str, ...]:
        conductor.write("tasks.jsonl", lines(*tasks))
        conductor.write("answers.jsonl", lines(*answers))
        return ("consensus", "answers.jsonl", "--tasks", "tasks.jsonl", "--no-history")

    return write


def decisions(text: str) -> list[dict[str, Any]]:
    """The documents of standard output or of a file."""
    return [json.loads(line) for line in text.split("\n") if line]


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


# What is wrong


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("{", "not JSON"),
        ("[]", "expected a JSON object"),
        ('{"task_id": "a", "model": "m", "answer": "4"}', "'sample' is missing"),
        ('{"task_id": "a", "model": "m", "sample": "0", "answer": "4"}', "'sample': expected a whole number"),
        ('{"task_id": "a", "model": "m", "sample": -1, "answer": "4"}', "'sample': expected a number from 0 on"),
        ('{"task_id": "a", "model": "m", "sample": true, "answer": "4"}', "'sample': expected a whole number"),
        ('{"task_id": "a", "model": "m", "sample": 0, "answer": null}', "'answer': expected text"),
        ("[" * 100_000, "nested too deep"),
        ('{"a": "\udcff"}', "not UTF-8"),
    ],
    ids=lambda value: value[:30],
)
def test_a_malformed_answer_is_named_by_file_and_line(
    conductor: CommandLine, recorded: Any, line: str, fault: str
) -> None:
    """Exit 2 before anything is decided; blank lines count as lines."""
    arguments = recorded([task("a")], [said("a", "m1", "4")])
    with (conductor.folder / "answers.jsonl").open("ab") as file:
        file.write(b"\n" + line.encode("utf-8", "surrogateescape") + b"\n")
    shown = conductor.refused(2, *arguments, "--json")
    assert "answers.jsonl, line 3: " in shown
    assert fault in shown


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kind": "poem"}, "'kind': expected 'function' or"),
        ({"style": "haiku"}, "'style': expected 'function' or"),
        ({"prompt": 5}, "'prompt': expected text"),
        ({"examples": [{"input": "1"}]}, "'examples'"),
        ({"task_id": "a"}, "two tasks 'a'"),
    ],
)
def test_a_malformed_task_is_named_by_file_and_line(
    conductor: CommandLine, recorded: Any, fields: dict[str, Any], fault: str
) -> None:
    """And so is one whose id another one has."""
    shown = conductor.refused(2, *recorded([task("a"), task("b") | fields], []))
    assert "tasks.jsonl, line 2: " in shown
    assert fault in shown


def test_a_gzip_file_that_ends_too_early_is_named(conductor: CommandLine, recorded: Any) -> None:
    """With the line that could not be read."""
    arguments = recorded([task("a")], [])
    packed = gzip.compress(lines(*(said("a", f"m{number}", os.urandom(50).hex()) for number in range(100))).encode())
    conductor.write("answers.jsonl", packed[: len(packed) // 2])
    shown = conductor.refused(2, *arguments)
    assert "answers.jsonl, line " in shown
    assert "damaged or ends too early" in shown


@pytest.mark.parametrize("missing", ["answers.jsonl", "tasks.jsonl"])
def test_a_file_that_does_not_exist_is_named(conductor: CommandLine, recorded: Any, missing: str) -> None:
    """As what the user has to correct."""
    arguments = recorded([task("a")], [])
    (conductor.folder / missing).unlink()
    assert missing in conductor.refused(2, *arguments)


def test_an_unknown_strategy_is_refused_before_anything_is_read(conductor: CommandLine) -> None:
    """With the nearest name, though the files do not even exist."""
    shown = conductor.refused(2, "consensus", "none.jsonl", "--tasks", "none.jsonl", "-s", "majorty")
    assert "did you mean 'majority'" in shown


def test_unknown_tasks_and_second_answers_are_passed_over_with_a_warning(conductor: CommandLine, recorded: Any) -> None:
    """One of each is named; the first answer of a model and sample counts."""
    arguments = recorded(
        [task("a")],
        [said("a", "m1", "4"), said("x", "m1", "4"), said("a", "m1", "5"), said("y", "m1", "4"), said("a", "m2", "4")],
    )
    done = conductor(*arguments, "--json")
    assert done.returncode == 0
    assert decisions(done.stdout)[0]["agreement"] == 1.0
    assert "line 2 and 1 more passed over: of a task that is not known" in done.stderr
    assert "line 3 passed over: its task has an answer of that model and sample" in done.stderr


def test_empty_answers_are_no_answers(conductor: CommandLine, recorded: Any) -> None:
    """A task that has only such ones has no choice; beside others they do not vote."""
    arguments = recorded([task("a"), task("b")], [said("a", "m1", " \n"), said("b", "m1", ""), said("b", "m2", "4")])
    first, second = decisions(conductor(*arguments, "--json").stdout)
    assert first["choice"] is None
    assert "usable" in first["error"]
    assert second["choice"] == {"model": "m2", "sample": 0}


def test_names_are_given_back_as_recorded(conductor: CommandLine, recorded: Any) -> None:
    """Half a character and a line separator do not tear a line of the output."""
    model, task_id = "acme/m\u2028 \ud800:7b", "t\ud83d"
    done = conductor(*recorded([task(task_id)], [said(task_id, model, "4")]), "--json")
    decision = json.loads(done.stdout)
    assert decision["task_id"] == task_id
    assert decision["choice"] == {"model": model, "sample": 0}
    assert len(done.stdout.splitlines()) == 1


def test_an_answer_of_ten_megabytes_is_one_answer(conductor: CommandLine, recorded: Any) -> None:
    """It costs its own vote at most."""
    flood = "the answer repeats itself " * 400_000
    arguments = recorded([task("a")], [said("a", "m1", flood), said("a", "m2", "4"), said("a", "m3", "4")])
    done = conductor(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    assert decisions(done.stdout)[0]["outcome"] == {"answer": "4"}


# Going on


def test_a_second_call_goes_on_where_the_first_ended(conductor: CommandLine, recorded: Any) -> None:
    """What was decided stays as it is, and no task stands there twice."""
    arguments = recorded([task(name) for name in "abcde"], [said(name, "m1", "4") for name in "abcde"])
    assert conductor(*arguments, "-o", "out.jsonl", "--limit", "2").stdout == ""
    path = conductor.folder / "out.jsonl"
    begun = path.read_bytes()
    assert [item["task_id"] for item in decisions(begun.decode())] == ["a", "b"]
    done = conductor(*arguments, "-o", "out.jsonl", "--json")
    assert "3 of 3 tasks decided" in done.stderr
    assert path.read_bytes().startswith(begun)
    assert [item["task_id"] for item in decisions(path.read_text())] == list("abcde")


def test_a_line_that_a_kill_tore_is_decided_again(conductor: CommandLine, recorded: Any) -> None:
    """What was whole before it stays."""
    arguments = recorded([task("a"), task("b")], [said("a", "m1", "4"), said("b", "m1", "4")])
    conductor(*arguments, "-o", "out.jsonl")
    path = conductor.folder / "out.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert conductor(*arguments, "-o", "out.jsonl").returncode == 0
    assert path.read_bytes() == whole


def test_a_file_of_something_else_is_not_added_to(conductor: CommandLine, recorded: Any) -> None:
    """It was meant for another option."""
    arguments = recorded([task("a")], [said("a", "m1", "4")])
    before = (conductor.folder / "answers.jsonl").read_bytes()
    assert "answers.jsonl, line 1: this is no decision" in conductor.refused(2, *arguments, "-o", "answers.jsonl")
    assert (conductor.folder / "answers.jsonl").read_bytes() == before
    conductor.write("note.txt", "no line ends here")
    conductor.refused(2, *arguments, "-o", "note.txt")
    assert (conductor.folder / "note.txt").read_text() == "no line ends here"


SLOW = """
import asyncio
from codeconductor import Consensus, hookimpl

class Slow:
    name = "slow"

    async def decide(self, task, answers, bench):
        if task.text == "wait":
            print("waiting", flush=True)
            await asyncio.Event().wait()
        return Consensus(outcome={"text": answers[0].text}, agreement=1.0, choice=answers[0])

@hookimpl
def conductor_consensus_strategies():
    return [Slow()]
"""


def test_an_interrupt_keeps_what_was_decided(conductor: CommandLine, recorded: Any, install: Any) -> None:
    """And says how to go on."""
    install(slow=SLOW)
    tasks = [task("a"), task("b"), task("c", prompt="wait")]
    arguments = recorded(tasks, [said(name, "m1", "4") for name in "abc"])
    process = conductor.start(*arguments, "-s", "slow", "-o", "out.jsonl")
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    _, shown = process.communicate()
    assert process.returncode == 130
    assert "what was decided is in 'out.jsonl'" in shown
    decided = decisions((conductor.folder / "out.jsonl").read_text())
    assert [item["task_id"] for item in decided] == ["a", "b"]


def test_an_interrupt_while_files_are_read_leaves_nothing_behind(
    conductor: CommandLine, recorded: Any, tmp_path: Path
) -> None:
    """A million lines take a while, and lie in the folder for temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    conductor.environment["TMPDIR"] = str(temporary)
    recorded([task("a")], [])
    os.mkfifo(conductor.folder / "pipe")
    process = conductor.start("consensus", "pipe", "--tasks", "tasks.jsonl")
    with (conductor.folder / "pipe").open("wb"):  # waits until somebody reads
        process.send_signal(signal.SIGTERM)
        _, shown = process.communicate()
    assert process.returncode == 130
    assert "interrupted" in shown
    assert list(temporary.iterdir()) == []


BROKEN = SLOW.replace('if task.text == "wait":', 'if task.text == "wait":\n            raise RuntimeError("oh")')


def test_a_strategy_that_raises_ends_the_command_after_what_was_decided(
    conductor: CommandLine, recorded: Any, install: Any
) -> None:
    """Nothing is put in its place, and plugin and distribution are named."""
    install(slow=BROKEN)
    arguments = recorded([task("a"), task("b", prompt="wait")], [said(name, "m1", "4") for name in "ab"])
    done = conductor(*arguments, "-s", "slow", "--json")
    assert done.returncode == 1
    assert [item["task_id"] for item in decisions(done.stdout)] == ["a"]
    assert "slow" in done.stderr
    assert "slow-plugin" in done.stderr


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


def test_it_leaves_nothing_behind(conductor: CommandLine, recorded: Any, tmp_path: Path) -> None:
    """Neither in the folder for temporary files nor among the runs."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    arguments = recorded([task("a")], [said("a", "m1", "4")])
    path = conductor.folder / "answers.jsonl"
    path.write_bytes(gzip.compress(path.read_bytes()))
    conductor(*arguments, environment={"TMPDIR": str(temporary)})
    assert list(temporary.iterdir()) == []
    assert conductor("history", "-q").stdout == ""


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
