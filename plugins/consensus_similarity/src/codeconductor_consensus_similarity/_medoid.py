"""The strategy `medoid`: the answer that is most like all the others, by its syntax or its text; nothing is run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from codeconductor import CodeBlock, answer_shape, consensus_on, family_of, family_votes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor import Answer, Bench, Consensus, Task

    from codeconductor_consensus_similarity._readings import Reading

PYTHON = frozenset({"python", "python3", "py"})

FIT = 12
"""How well it suits Python that is not run: a little better than a majority (10), worse than the best model (15)."""

FIT_ELSE = 1
"""How well it suits all else: only where no other strategy does, as a majority is not installed."""

REFERENCES = 32
"""Different texts that every other one is compared with, the best supported; keeps the work linear for many."""

_DIGITS = 9


class Medoid:
    """The answer with the least expected loss, when any of the others may be right (minimum Bayes risk).

    Minimum Bayes risk over samples (Kumar & Byrne 2004; Eikema & Aziz 2020), with one minus the likeness for the loss.
    Python programs are alike by the share of subtrees that both have, everything else by the share of pairs of
    neighbouring tokens. Every other answer counts with its vote: a family has one, divided among its answers and
    multiplied by its models' weights.
    """

    name = "medoid"
    decides = "code"

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Compare each answer with every other one."""
        from codeconductor_consensus_similarity._readings import read  # when it is asked: every run lists the strategy

        ordered = sorted(answers, key=lambda answer: (answer.model.id, answer.sample, answer.text))
        readings = read(ordered, task)
        rated = expected_likeness(readings, family_votes(ordered, readings, bench.weights))
        weights = [bench.weights.get(answer.model.id, 1.0) for answer in ordered]
        choice = min(readings, key=lambda place: (-rated[place], -weights[place], readings[place].text, place))
        shapes: dict[str, list[int]] = {}
        for place in readings:
            shapes.setdefault(answer_shape(ordered[place], task.language), []).append(place)
        groups = list(shapes.values())
        return consensus_on(
            ordered,
            groups,
            choice,
            bench,
            code=_code(ordered[choice], readings[choice]),
            explanation=_explained(ordered, readings, groups, choice, rated[choice]),
            signals={"likeness": rated[choice]},
        )

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> int:
        """Different Python programs; where they can be run, other strategies suit better.

        In other languages, and for texts, it is no better than a majority, which takes the most central of equals too.
        """
        if task.kind in ("question", "call") or task.language not in PYTHON:
            return FIT_ELSE
        texts = {tuple(block.text for block in answer.code) for answer in answers if answer.code}
        return FIT if len(texts) > 1 else FIT_ELSE


def expected_likeness(readings: Mapping[int, Reading], votes: Mapping[int, float]) -> dict[int, float]:
    """How much like the others each answer is: the mean over the others' votes, 0 to 1; 1 where there is no other."""
    from codeconductor_consensus_similarity._readings import alike

    equal: dict[str, list[int]] = {}
    for place, reading in readings.items():
        equal.setdefault(reading.text, []).append(place)
    support = {text: math.fsum(sorted(votes[place] for place in places)) for text, places in equal.items()}
    references = sorted(equal, key=lambda text: (-support[text], text))[:REFERENCES]
    rated = {}
    for text, places in equal.items():
        mine = readings[places[0]]
        others = [(support[it], alike(mine, readings[equal[it][0]])) for it in references if it != text]
        for place in places:
            twins = support[text] - votes[place] if len(places) > 1 else 0.0
            total = math.fsum([twins, *(vote for vote, _ in others)])
            like = math.fsum([twins, *(vote * share for vote, share in others)])
            rated[place] = round(like / total, _DIGITS) if total > 0 else float(len(readings) == 1)
    return rated


def _code(answer: Answer, reading: Reading) -> tuple[CodeBlock, ...]:
    """The blocks of an answer; the rest of a function that stands there without fences is one."""
    if answer.code or not reading.is_program:
        return answer.code
    return (CodeBlock(language="python", text=answer.text.strip("\n") + "\n"),)


def _explained(
    answers: Sequence[Answer],
    readings: Mapping[int, Reading],
    groups: Sequence[Sequence[int]],
    choice: int,
    likeness: float,
) -> str:
    name = answers[choice].model.id
    if len(answers) == 1:
        return f"The only usable answer is that of {name}."
    if len(readings) == 1:
        return f"Of {len(answers)} answers only that of {name} has code."
    how = "syntax trees" if readings[choice].tree is not None else "texts"
    same = next(group for group in groups if choice in group)
    families = len({family_of(answers[place].model.name) for place in same})
    parts = [
        f"Nothing was run: the answer of {name} is most like the others ({likeness:.0%} of their {how} on average)",
        f"{len(same)} of {len(answers)} answers ({families} model {'family' if families == 1 else 'families'}) "
        f"{'wrote the same program' if readings[choice].is_program else 'said the same'}",
    ]
    if len(readings) < len(answers):
        parts.append(f"{len(answers) - len(readings)} without code did not count")
    return "; ".join(parts) + "."
