"""The strategies: `majority` counts every model once, `weighted` by its weight, `best` listens to one model alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from codeconductor import Consensus

from codeconductor_consensus_majority._backing import alike
from codeconductor_consensus_majority._decision import Decision, decide
from codeconductor_consensus_majority._explanation import explain, explain_best
from codeconductor_consensus_majority._reading import is_question
from codeconductor_consensus_majority._votes import Ballot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Bench, Task

FIT = 10
"""How well a majority suits any answers: always a little."""


class Majority:
    """One model, one vote."""

    name = "majority"

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Count the votes."""
        ballot = Ballot(answers)
        decision = decide(task, ballot)
        return _consensus(decision, ballot, explain(decision, ballot))

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
    """Each model's vote counts as much as the hook `conductor_model_weights` says."""

    name = "weighted"

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Count the votes by weight."""
        ballot = Ballot(answers, bench.weights)
        decision = decide(task, ballot)
        explanation = explain(decision, ballot)
        if len(set(ballot.weights.values())) < 2:
            explanation += " All weights are equal, so every model counts the same."
        return _consensus(decision, ballot, explanation)

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> None:
        """Only when it is asked for by name."""


class Best:
    """The model with the highest weight decides alone; among its own samples, they vote."""

    name = "best"

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Take the best model's answer; the agreement tells how many of all models stand behind it."""
        weights = {answer.model.id: bench.weights.get(answer.model.id, 1.0) for answer in answers}
        best = min(weights, key=lambda name: (-weights[name], name))
        own, everybody = Ballot(a for a in answers if a.model.id == best), Ballot(answers)
        decision = decide(task, own)
        choice = next(i for i, a in enumerate(everybody.answers) if a is own.answers[decision.choice])
        backers = alike(task, everybody, choice, decision.subject)
        decision = attrs.evolve(decision, agreement=everybody.share(backers))
        return _consensus(decision, own, explain_best(weights, decision, own, everybody.models(backers)))

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> None:
        """Only when it is asked for by name."""


def _consensus(decision: Decision, ballot: Ballot, explanation: str) -> Consensus:
    return Consensus(
        outcome=decision.outcome,
        agreement=decision.agreement,
        choice=ballot.answers[decision.choice],
        fields=decision.fields,
        disagreements=decision.disagreements,
        explanation=explanation,
    )
