"""How many tasks are green after one, two and three rounds of `build`, with recorded answers as what is written.

    python benchmarks/rounds.py FOLDER [--team local-mid-5] [--tasks 40] [--hardest]

FOLDER holds a set of recorded answers: `set.json` (with its teams), `problems.jsonl.gz`, `answers.jsonl.gz`. Each task
is a project of its own with the set's test in it, as the user's; the models of the team answer from the record, a
consensus is reached, and in each round the coder writes one recorded answer: first the chosen one, then those of the
other models that are another program, in the team's order. So what is measured is the loop with as good a memory as
its team, and not how well a model repairs. Without `--hardest`, tasks are drawn by chance from a fixed seed; with it,
those are taken that the fewest models of the team get right by their first answer.

On 40 tasks of `humaneval-31` with `local-mid-5`, green after 1, 2 and 3 rounds: 37, 37, 37 of those drawn by chance
(one model on average 28.0, any of them 38), and 31, 32, 32 of the hardest (18.6, 35).
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import re
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _measure import table
from codeconductor import Chunk, Model, Session, Written, hookimpl, read_reply

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Assignment, Query

ROUNDS = 3


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    """The objects of a file of JSON lines."""
    with gzip.open(folder / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def program(task: dict[str, Any], answer: str) -> str:
    """A recorded answer as a whole program: as it stands, out of its fences, or behind the task's signature."""
    blocks = [block.text for block in read_reply(answer).code]
    text = "\n".join(blocks) if blocks else answer
    return text if f"def {task['entry_point']}" in text else f"{task['prompt']}{text}"


def test_of(task: dict[str, Any]) -> str:
    """The set's test as a file that pytest finds."""
    name = task["entry_point"]
    body = re.sub(r"^check\(.*\)\s*$", "", task["test"], flags=re.MULTILINE)
    return f"from solution import {name}\n\n{body}\n\ndef test_{name}():\n    check({name})\n"


class Recorded:
    """The team as models, and its answers as what a coder writes; a plugin object for one task.

    Args:
        task: Of the set.
        answers: Program by model, in the team's order.
    """

    name = "recorded"

    def __init__(self, task: dict[str, Any], answers: dict[str, str]) -> None:
        self._task = task
        self._answers = answers
        self._written: list[str] = []

    @hookimpl
    async def conductor_discover_models(self, session: Session) -> list[Model]:
        """The team."""
        return [Model(provider="recorded", name=name, host="memory:") for name in self._answers]

    @hookimpl
    def conductor_query_model(self, session: Session, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
        """What the model had answered."""
        return self._say(model.name) if model.provider == "recorded" else None

    async def _say(self, name: str) -> AsyncIterator[Chunk]:
        yield Chunk(text=f"```python\n{self._answers[name]}\n```\n")

    @hookimpl
    def conductor_coders(self, session: Session) -> list[Recorded]:
        """Itself."""
        return [self]

    async def write(self, session: Session, assignment: Assignment) -> Written:
        """The chosen answer, then the others that differ from all that was tried."""
        chosen = (assignment.preferred or "").removeprefix("recorded/")
        order = sorted(self._answers, key=lambda name: name != chosen)
        for name in order:
            if self._answers[name] not in self._written:
                self._written.append(self._answers[name])
                (assignment.folder / "solution.py").write_text(self._answers[name], encoding="utf-8")
                return Written(model=f"recorded/{name}")
        return Written()


async def built(task: dict[str, Any], answers: dict[str, str], rounds: int) -> tuple[str, int]:
    """(outcome, rounds that it took) of one task."""
    from codeconductor.pipeline.build import build
    from codeconductor.pipeline.building import Plan

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / f"test_{task['entry_point'].lower()}.py").write_text(test_of(task), encoding="utf-8")
        overrides = {"run": {"providers": ["recorded"]}, "history": {"enabled": False}}
        session = Session.start(folder, overrides=overrides, builtin={"recorded": Recorded(task, answers)})
        async with session:
            plan = Plan(text=task["prompt"], folder=place, coder="recorded", rounds=rounds, apply="never")
            done = await build(session, plan, yes=True)
    return str(done.outcome), len(done.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--team", default="local-mid-5")
    parser.add_argument("--tasks", type=int, default=40)
    parser.add_argument("--hardest", action="store_true")
    options = parser.parse_args()

    team = json.loads((options.folder / "set.json").read_text(encoding="utf-8"))["teams"][options.team]
    problems = {task["task_id"]: task for task in lines(options.folder, "problems.jsonl.gz")}
    answers: dict[str, dict[str, str]] = {}
    for one in lines(options.folder, "answers.jsonl.gz"):
        if one["model"] in team and one["sample"] == 0:
            answers.setdefault(one["task_id"], {})[one["model"]] = program(problems[one["task_id"]], one["answer"])
    right: dict[str, int] = dict.fromkeys(problems, 0)
    for one in lines(options.folder, "passes.jsonl.gz"):
        if one["model"] in team and one["sample"] == 0:
            right[one["task_id"]] += one["passed"]
    chosen = sorted(answers)
    if options.hardest:
        chosen.sort(key=lambda name: (right[name], name))
    else:
        random.Random(0).shuffle(chosen)
    chosen = chosen[: options.tasks]

    green = [0] * (ROUNDS + 1)
    outcomes: dict[str, int] = {}
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as data:
        os.environ["CONDUCTOR_HOME"] = data
        for name in chosen:
            mine = {model: answers[name][model] for model in team if model in answers[name]}
            outcome, rounds = asyncio.run(built(problems[name], mine, ROUNDS))
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            if outcome == "passed":
                for number in range(rounds, ROUNDS + 1):
                    green[number] += 1
    seconds = time.perf_counter() - began
    possible = sum(right[name] > 0 for name in chosen)
    average = sum(right[name] for name in chosen) / len(team)
    print(f"{len(chosen)} tasks, {len(team)} models ({options.team}); {seconds / len(chosen):.1f} s a task")
    table(
        "Green",
        ("what", "green"),
        [
            ("one model of the team, on average", f"{average:.1f}"),
            *(
                (f"after {number} round{'s' if number > 1 else ''}", str(green[number]))
                for number in range(1, ROUNDS + 1)
            ),
            ("tasks that any model of the team gets right", str(possible)),
        ],
    )
    print("outcomes:", ", ".join(f"{outcome} {count}" for outcome, count in sorted(outcomes.items())))


if __name__ == "__main__":
    main()
