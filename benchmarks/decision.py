"""How long a decision takes, and how that grows with the answers.

    python benchmarks/decision.py [--runs 5]

Answers are generated from a seed: every model words its plan and names its variables in its own way, and repeats itself
in part from sample to sample; "distinct" are programs, or texts, of which no two are the same to the letter. They are
read before the clock starts, as the dispatcher has read them when a decision begins. "first" is a decision by a process
that has not yet seen any of the sentences, which is what a run takes; the median is of those after it. Garbage is
collected as often as the command does it. Targets: 50 ms for 8 answers, 2 s for 1,000.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import sys
import time
from typing import TYPE_CHECKING

from _measure import median, table
from codeconductor import Answer, Model, Task, read_reply
from codeconductor.cli import _COLLECT_EVERY
from codeconductor.testing import a_bench
from codeconductor_consensus_majority._strategies import Majority
from codeconductor_consensus_majority._wording import stem, wording

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import TaskKind

SIZES = ((8, 1), (8, 5), (20, 10), (20, 50))
"""Models, and samples of each."""

SUBJECTS = (
    "user",
    "order",
    "invoice",
    "ticket",
    "message",
    "session",
    "report",
    "token",
    "file",
    "record",
    "account",
    "payment",
)
VERBS = (
    "validate",
    "store",
    "return",
    "reject",
    "log",
    "sort",
    "merge",
    "cache",
    "encrypt",
    "archive",
    "count",
    "export",
)
MANNERS = (
    "before saving it",
    "in ascending order",
    "without changing the input",
    "within {n} seconds",
    "when the input is empty",
    "at most {n} times",
    "for every request",
    "if the key is missing",
    "as JSON",
    "and raise ValueError otherwise",
)
FRAMES = (
    "{v} the {s} {m}",
    "The {s} must be {v}d {m}",
    "It should {v} each {s} {m}",
    "{v} {s}s {m}.",
    "Must {v} {s} {m}",
)
PACKAGES = ("none", "re", "requests", "numpy>=1.20")
NAMES = ("item", "value", "entry", "row", "part", "element", "current", "node", "total", "result", "output", "buffer")


class Voice:
    """One model: its own frames and names, and a stock of what it has said before, from which it mostly draws.

    Args:
        chance: Where it draws from.
        fresh: How often it says something new; 1: it never repeats itself.
    """

    def __init__(self, chance: random.Random, fresh: float) -> None:
        self.chance = chance
        self._fresh = fresh
        self._frames = chance.sample(FRAMES, 3)
        self._names = chance.sample(NAMES, 6)
        self._sentences: list[str] = []
        self._programs: list[str] = []

    def sentence(self) -> str:
        """A requirement: every model knows some thousand, words them in its own way, and likes some better."""
        if self._sentences and self.chance.random() >= self._fresh:
            return self.chance.choice(self._sentences)
        popular = self.chance.random() < 0.5
        verb = self.chance.choice(VERBS[:4] if popular else VERBS)
        subject = self.chance.choice(SUBJECTS[:4] if popular else SUBJECTS)
        manner = self.chance.choice(MANNERS).format(n=self.chance.randint(1, 5))
        said = self.chance.choice(self._frames).format(v=verb, s=subject, m=manner)
        self._sentences.append(said)
        return said

    def program(self) -> str:
        """A program of about 30 lines."""
        if self._programs and self.chance.random() >= self._fresh:
            return self.chance.choice(self._programs)
        kept, item, text, result = self.chance.sample(self._names, 4)
        step, limit = self.chance.randint(1, 4), self.chance.choice((10, 100))
        lines = [f"def process(records, limit={limit}):", f'    """{self.sentence()}"""', f"    {kept} = []"]
        for number in range(self.chance.randint(3, 5)):
            lines += [
                f"    for {item} in records[{number}::{step}]:  # {self.sentence()}",
                f"        if {item} is None or len({kept}) >= limit:",
                "            continue",
                f"        {text} = str({item}).strip().lower()",
                f"        {kept}.append(({text}, {number}))",
            ]
        lines += [f"    {result} = sorted({kept}, key=lambda pair: pair[{self.chance.randint(0, 1)}])"]
        lines += [f"    return [{text} for {text}, _ in {result}]"]
        self._programs.append("\n".join(lines) + "\n")
        return self._programs[-1]

    def plan(self) -> str:
        def several(some: int) -> str:
            return "[" + ", ".join(f'"{self.sentence()}"' for _ in range(some)) + "]"

        return (
            f'{{"approach": "{self.sentence()}, then {self.sentence()}", "requirements": {several(6)}, '
            f'"files": [{{"path": "src/{self.chance.choice(SUBJECTS)}.py", "purpose": "{self.sentence()}"}}], '
            f'"dependencies": ["{self.chance.choice(PACKAGES)}"], "constraints": {several(3)}, '
            f'"tests": {several(4)}, "risks": {several(2)}}}'
        )


def with_plan(voice: Voice) -> str:
    return f"```json\n{voice.plan()}\n```\n```python src/process.py\n{voice.program()}```\n"


def code_alone(voice: Voice) -> str:
    return f"```python\n{voice.program()}```\n"


def value(voice: Voice) -> str:
    frames = ("The answer is {}.", "**{}**", '{{"answer": "{}"}}', "{}.0")
    return voice.chance.choice(frames).format(voice.chance.randint(1, 20))


def prose(voice: Voice) -> str:
    return ". ".join(voice.sentence() for _ in range(12))


SUITES: dict[str, tuple[TaskKind, float, Callable[[Voice], str]]] = {
    "plans with code": ("function", 0.3, with_plan),
    "the same, nothing twice": ("function", 1.0, with_plan),
    "code alone": ("function", 0.3, code_alone),
    "values": ("question", 0.3, value),
    "prose": ("question", 0.3, prose),
}
"""What is answered: kind of task, how often a model says something new, and how it writes."""


def answers(models: int, samples: int, fresh: float, write: Callable[[Voice], str]) -> list[Answer]:
    made = []
    for number in range(models):
        model = Model(provider="made", name=f"model-{number:02}", host="memory:")
        voice = Voice(random.Random(number), fresh)
        for sample in range(samples):
            reply = read_reply(write(voice))
            made.append(Answer(model=model, sample=sample, text=reply.text, data=reply.data, code=reply.code))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5, help="decisions whose median is shown")
    arguments = parser.parse_args()
    gc.set_threshold(_COLLECT_EVERY)
    for name, (kind, fresh, write) in SUITES.items():
        task = Task(text="Process the records.", kind=kind)
        rows = []
        before: tuple[int, float] | None = None
        for models, samples in SIZES:
            made = answers(models, samples, fresh, write)
            for remembered in (wording, stem):
                remembered.cache_clear()
            taken = [seconds(task, made) for _ in range(arguments.runs + 1)]
            usual, total = median(taken[1:]), len(made)
            growth = f"x {usual / before[1]:.1f} for x {total / before[0]:g}" if before else ""
            distinct = len({code.text for answer in made for code in answer.code}) or len({a.text for a in made})
            cells = (f"{1000 * t:.1f} ms" for t in (taken[0], usual, usual / total))
            rows.append((str(total), f"{models} x {samples}", str(distinct), *cells, growth))
            before = total, usual
        table(name, ("answers", "models x samples", "distinct", "first", "median", "an answer", "growth"), rows)
    return 0


def seconds(task: Task, made: list[Answer]) -> float:
    began = time.perf_counter()
    asyncio.run(Majority().decide(task, made, a_bench()))
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
