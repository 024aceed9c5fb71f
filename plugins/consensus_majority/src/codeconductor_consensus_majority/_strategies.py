"""The strategies: `majority` counts every model once, `weighted` by its weight, `best` listens to one model alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from codeconductor import Consensus

from codeconductor_consensus_majority._backing import alike, sides_of
from codeconductor_consensus_majority._decision import Decision, decide
from codeconductor_consensus_majority._explanation import explain, explain_best, learned
from codeconductor_consensus_majority._reading import is_question, is_short
from codeconductor_consensus_majority._signals import signals_of
from codeconductor_consensus_majority._votes import Ballot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Bench, Task

CALIBRATIONS = Path(__file__).with_name("calibration.json")
"""For short answers, as these strategies decide them; `benchmarks/calibration.py short` makes it."""

FIT = 10
"""How well a majority suits any answers: always a little."""

FIT_WEIGHTED = 20
"""How well weights suit short answers where they differ: values are the same or not, so their votes can be added."""

FIT_BEST = 30
"""How well the best model suits short answers where it alone is right more often than all together."""

FIT_BEST_CODE = 15
"""How well it suits code: better than votes on texts, of which no two are the same, and worse than running them."""


class Majority:
    """One model, one vote."""

    name = "majority"
    calibrations = CALIBRATIONS

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Count the votes."""
        ballot = Ballot(answers)
        decision = decide(task, ballot)
        return _consensus(task, bench, decision, ballot, ballot, explain(decision, ballot))

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> int:
        """It fits everything a little."""
        return FIT

    def settled(self, task: Task, answers: Sequence[Answer], pending: int) -> bool:
        """Whether the answers that are still to come cannot change the outcome.

        Only a question can be settled early: wherever a plan may still come, it may add to what is agreed on. Each
        answer to come moves at most one vote from one group to another or adds one, whichever models they are of; so a
        value that leads all others together by more votes than there are answers to come has won. Prose has not: what
        comes may join what so far stands apart.
        """
        usable = [answer for answer in answers if answer.is_usable]
        if not is_question(task) or not usable:
            return False
        from codeconductor_consensus_majority._values import inseparable, said_by

        ballot = Ballot(usable)
        said = {i: text for i, answer in enumerate(ballot.answers) if (text := said_by(answer))}
        lead = max(map(ballot.weight, inseparable(task.text, said)), default=0.0)
        return 2 * lead - ballot.total > pending


class Weighted:
    """Each model's vote counts as much as the track record, the user or the hook `conductor_model_weights` says.

    Source: weighted majority with log-odds (Nitzan & Paroush 1982), which the track record gives.
    """

    name = "weighted"
    calibrations = CALIBRATIONS

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Count the votes by weight."""
        ballot = Ballot(answers, bench.weights)
        decision = decide(task, ballot)
        explanation = explain(decision, ballot)
        if len(set(ballot.weights.values())) < 2:
            explanation += " All weights are equal, so every model counts the same."
        else:
            explanation = f"{explanation} {learned(bench)}".strip()
        return _consensus(task, bench, decision, ballot, Ballot(answers), explanation)

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> int | None:
        """It fits short answers, where weights differ."""
        weights = {bench.weights.get(answer.model.id, 1.0) for answer in answers}
        return FIT_WEIGHTED if is_short(task) and len(weights) > 1 else None


class Best:
    """The model with the highest weight decides alone; among its own samples, they vote."""

    name = "best"
    calibrations = CALIBRATIONS

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Take the best model's answer; the agreement tells how many of all models stand behind it."""
        weights = {answer.model.id: bench.weights.get(answer.model.id, 1.0) for answer in answers}
        best = min(weights, key=lambda name: (-weights[name], name))
        own, everybody = Ballot(a for a in answers if a.model.id == best), Ballot(answers)
        decision = decide(task, own)
        choice = next(i for i, a in enumerate(everybody.answers) if a is own.answers[decision.choice])
        backers = alike(task, everybody, choice, decision.subject)
        sides = sides_of(task, everybody, decision.subject)
        decision = attrs.evolve(decision, agreement=everybody.share(backers), sides=sides)
        explanation = explain_best(weights, decision, own, everybody.models(backers))
        return _consensus(task, bench, decision, own, everybody, explanation)

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> int | None:
        """It fits where earlier tasks speak for one model alone, and a little where code cannot be run."""
        if is_short(task):
            return FIT_BEST if bench.record.rule == "alone" else None
        return FIT_BEST_CODE if bench.record.tasks and any(answer.code for answer in answers) else None


def _consensus(
    task: Task, bench: Bench, decision: Decision, ballot: Ballot, everybody: Ballot, explanation: str
) -> Consensus:
    """What was decided, by a ballot of some with weights, and what a ballot of everybody with one vote says of it."""
    choice = ballot.answers[decision.choice]
    place = next(i for i, answer in enumerate(everybody.answers) if answer is choice)
    return Consensus(
        outcome=decision.outcome,
        agreement=decision.agreement,
        choice=choice,
        fields=decision.fields,
        disagreements=decision.disagreements,
        advice=bench.record.advice if is_short(task) else None,
        explanation=explanation,
        signals=signals_of(decision.sides, place, everybody, bench) if is_short(task) else {},
    )
