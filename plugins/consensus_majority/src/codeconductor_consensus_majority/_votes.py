"""Who votes with how much: a model has one vote, times its weight, shared among its samples."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from codeconductor import Answer

DIGITS = 12
"""Decimal places of a share: three thirds are one, and two of four are not more than a half."""


class Ballot:
    """The answers of one decision, in an order that does not depend on their arrival, and what each one's vote counts.

    Attributes:
        answers: Sorted by model, sample and text; everything else names an answer by its position here.
        weights: Weight by model id; empty where every model counts the same.
        votes: What each answer's vote counts.
        total: All votes together.
    """

    def __init__(self, answers: Iterable[Answer], weights: Mapping[str, float] | None = None) -> None:
        self.answers = sorted(answers, key=lambda answer: (answer.model.id, answer.sample, answer.text))
        self.weights = _usable(weights or {}, {answer.model.id for answer in self.answers})
        self._samples = Counter(answer.model.id for answer in self.answers)
        self.votes = [self.weights.get(a.model.id, 1.0) / self._samples[a.model.id] for a in self.answers]
        self.total = math.fsum(self.votes)

    def weight(self, backers: Iterable[int]) -> float:
        """The votes of these answers; the sum does not depend on their order."""
        return math.fsum(self.votes[backer] for backer in backers)

    def share(self, backers: Iterable[int], total: float | None = None) -> float:
        """The backers' share of the votes, 0 to 1: of all votes, unless their `total` is given."""
        total = self.total if total is None else total
        return min(1.0, round(self.weight(backers) / total, DIGITS)) if total else 0.0

    def parts(self, backers: Iterable[int]) -> dict[str, float]:
        """The share of its own answers that each model has among these, by its id."""
        among = Counter(self.answers[backer].model.id for backer in backers)
        return {model: count / self._samples[model] for model, count in sorted(among.items())}

    def models(self, backers: Iterable[int]) -> tuple[str, ...]:
        """Ids of the models behind these answers, sorted."""
        return tuple(sorted({self.answers[backer].model.id for backer in backers}))


def _usable(weights: Mapping[str, float], ids: set[str]) -> dict[str, float]:
    """Weights from 0 to 1, the largest being 1; none at all where nobody would have a vote."""
    known = {name: float(weights.get(name, 1.0)) for name in sorted(ids)}
    if not all(0 <= weight < math.inf for weight in known.values()):
        raise ValueError(f"weights are finite and not negative: {dict(weights)!r}")
    largest = max(known.values(), default=0.0)
    return {name: weight / largest for name, weight in known.items()} if largest else {}
