"""What earlier tasks with known outcomes say of the models that are asked: their rates, weights, and how to vote.

A rate is the mean of a Beta posterior: that of a kind of task starts from the model's rate over all kinds, which starts
from one half, each with the weight of `PRIOR` outcomes. Votes stay uniform until a replay of the earlier tasks, each
with the rates that the others give, has another rule be right on more of them, by a margin: log-odds of models that err
alike cost more than they gain (measured on recorded answers). The outcomes tell who was right and not what was
answered, so in the replay wrong answers are equal with the probability `SAME_ERROR`.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from typing import TYPE_CHECKING, Literal

import attrs

from codeconductor.consensus.families import family_of
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codeconductor.task import TaskKind

Rule = Literal["uniform", "log-odds", "alone"]

PRIOR = 4.0
"""Outcomes that the rate weighs as much as from which a rate starts."""

SAME_ERROR = 0.3
"""Probability that two models that are wrong say the same: 0.13 to 0.53 in 17 teams on four sets of short answers."""

ALTERNATIVES = 2.0
"""Wrong answers that a vote competes with in effect: few, as models err alike."""

LEAST = 0.01
"""Weight of a model that is hardly ever right: nobody's vote counts against what it says."""

FAMILY = 1.3
"""All votes of one family together, in those of its best member: siblings err alike."""

MARGIN = 0.05
"""Another rule has to be right on more than √(`MARGIN` · n) of n tasks more than the uniform vote."""

LEAST_GAIN = 2
"""Tasks that it has to be right on more in any case, and one over: what few tasks say is chance."""


@frozen
class Tally:
    """How often a model was right: on how many tasks, of how many; samples of one task count by their share."""

    passed: float = 0.0
    tasks: int = 0


@frozen(kw_only=True)
class TrackRecord:
    """What earlier tasks say of the models asked, for one kind of task.

    Attributes:
        tasks: Earlier tasks of this kind that it is learned from; 0: there is no record.
        tallies: Of this kind, by model id.
        rates: Expected share of tasks on which the model is right, by model id.
        weights: What a model's vote counts under the `rule`, by model id, at most as much as a family may.
        rule: How to vote: each the same (better models decide ties), by the log-odds of being right, or not at all, as
            the best model alone is right more often.
        best: Id of the model with the highest rate; None without a record.
        advice: For people, where one model alone is better than all together.
    """

    tasks: int = 0
    tallies: Mapping[str, Tally] = attrs.field(factory=dict)
    rates: Mapping[str, float] = attrs.field(factory=dict)
    weights: Mapping[str, float] = attrs.field(factory=dict)
    rule: Rule = "uniform"
    best: str | None = None
    advice: str | None = None


@frozen(kw_only=True)
class Earlier:
    """The outcomes of earlier tasks: of one kind, and of all kinds.

    Attributes:
        tallies: Of this kind, by model id; an outcome without a kind is one of every kind.
        overall: Of all kinds, by model id.
        matrix: A row a task of this kind: the share of a model's samples that was right, by model id.
    """

    tallies: Mapping[str, Tally] = attrs.field(factory=dict)
    overall: Mapping[str, Tally] = attrs.field(factory=dict)
    matrix: Sequence[Mapping[str, float]] = ()


def learn(earlier: Earlier, models: Sequence[str], kind: TaskKind) -> TrackRecord:
    """What the earlier tasks say of these models.

    Args:
        earlier: Their outcomes.
        models: Ids; one without outcomes has the rate that it would start from.
        kind: Of task. For short answers a family's votes are bounded in the weights; strategies for code divide them
            themselves, by who behaves alike.
    """
    capped = kind in ("question", "call")
    rates = _rates(models, earlier.tallies, earlier.overall)
    bounded = _capped if capped else dict
    if not earlier.overall.keys() & set(models):
        return TrackRecord(rates=rates, weights=bounded(dict.fromkeys(models, 1.0)))
    rows = [{model: row[model] for model in models if model in row} for row in earlier.matrix]
    earlier = attrs.evolve(earlier, matrix=[row for row in rows if row])
    known = len(earlier.matrix)
    won = _replayed(earlier, bounded)
    margin = max(LEAST_GAIN, math.sqrt(MARGIN * known))
    rule: Rule = "uniform"
    for other in _OTHERS:
        if won[other] > won["uniform"] + margin and won[other] > won[rule]:
            rule = other
    best = _best(rates)
    weights = rates if rule == "alone" else bounded(_WEIGHTS[rule](rates))
    return TrackRecord(
        tasks=known,
        tallies={model: earlier.tallies.get(model, Tally()) for model in models},
        rates=rates,
        weights={model: round(weight, 6) for model, weight in weights.items()},
        rule=rule,
        best=best,
        advice=_advice(best, earlier.tallies.get(best, Tally()), won["uniform"] / known) if rule == "alone" else None,
    )


def posteriors(groups: Sequence[Mapping[str, float]], rates: Mapping[str, float]) -> list[float]:
    """The probability that each group is right, by naive Bayes: each model is right as often as its rate says.

    A model that is wrong says each of `ALTERNATIVES` wrong answers equally often; that none of the groups is right is
    one more possibility.

    Args:
        groups: The share of a model's answers that is in the group, by model id.
        rates: By model id; one half for a model that is not among them.

    Returns:
        A number above 0 and below 1 for each group, in their order; together less than 1.
    """
    scores = [
        math.fsum(share * _log_odds_of(rates.get(model, 0.5)) for model, share in group.items()) for group in groups
    ]
    most = max([0.0, *scores])
    likely = [math.exp(score - most) for score in scores]
    total = math.fsum([math.exp(-most), *likely])
    return [each / total for each in likely]


def _log_odds_of(rate: float) -> float:
    """Of a model's being right among several alternatives; negative for one that is mostly wrong."""
    rate = min(max(rate, LEAST), 1 - LEAST)
    return math.log(ALTERNATIVES * rate / (1 - rate))


def _best(rates: Mapping[str, float]) -> str:
    """The id with the highest rate; between equals the first by name."""
    return min(rates, key=lambda model: (-rates[model], model))


def _rates(models: Sequence[str], tallies: Mapping[str, Tally], overall: Mapping[str, Tally]) -> dict[str, float]:
    rates = {}
    for model in models:
        of_all, of_kind = overall.get(model, Tally()), tallies.get(model, Tally())
        start = (of_all.passed + PRIOR / 2) / (of_all.tasks + PRIOR)
        rates[model] = (of_kind.passed + PRIOR * start) / (of_kind.tasks + PRIOR)
    return rates


def _uniform(rates: Mapping[str, float]) -> dict[str, float]:
    """One each, and a thousandth of the rate: ties go to the better models."""
    return {model: 1 + rate / 1000 for model, rate in rates.items()}


def _log_odds(rates: Mapping[str, float]) -> dict[str, float]:
    """The weight of a vote among several alternatives, which is never negative."""
    return {model: max(LEAST, math.log(ALTERNATIVES * rate / (1 - rate))) for model, rate in rates.items()}


_WEIGHTS: dict[Rule, Callable[[Mapping[str, float]], dict[str, float]]] = {"uniform": _uniform, "log-odds": _log_odds}
_OTHERS: tuple[Rule, ...] = ("alone", "log-odds")
"""Where both are right as often, one model is less to ask than a team."""


def _capped(weights: Mapping[str, float]) -> dict[str, float]:
    """No family with more than `FAMILY` times the weight of its best member."""
    families: dict[str, list[str]] = defaultdict(list)
    for model in weights:
        families[family_of(model)].append(model)
    capped: dict[str, float] = {}
    for members in families.values():
        total = math.fsum(weights[model] for model in members)
        share = min(1.0, FAMILY * max(weights[model] for model in members) / total)
        capped |= {model: weights[model] * share for model in members}
    return capped


def _replayed(earlier: Earlier, bounded: Callable[[dict[str, float]], dict[str, float]]) -> dict[Rule, int]:
    """On how many earlier tasks each rule would have been right, with the rates that all the other tasks give."""
    draw = random.Random(0)  # noqa: S311 - no secret
    won: dict[Rule, int] = {"uniform": 0, "log-odds": 0, "alone": 0}
    for row in earlier.matrix:
        said = _said(row, draw)
        rates = _rates(list(said), _without(earlier.tallies, row), _without(earlier.overall, row))
        won["alone"] += said[_best(rates)] == _RIGHT
        for rule, weigh in _WEIGHTS.items():
            weights = bounded(weigh(rates))
            votes: dict[int, float] = defaultdict(float)
            for model, value in said.items():
                votes[value] += weights[model]
            won[rule] += max(votes, key=lambda value: votes[value]) == _RIGHT
    return won


_RIGHT = 0


def _said(row: Mapping[str, float], draw: random.Random) -> dict[str, int]:
    """A number for what each model may have said to a task: `_RIGHT`, or the same one for equal errors."""
    said: dict[str, int] = {}
    wrong: list[int] = []
    for model, share in row.items():
        if draw.random() < share:
            said[model] = _RIGHT
        else:
            said[model] = draw.choice(wrong) if wrong and draw.random() < SAME_ERROR else len(wrong) + 1
            wrong.append(said[model])
    return said


def _without(tallies: Mapping[str, Tally], row: Mapping[str, float]) -> dict[str, Tally]:
    """The tallies of the row's models, less the row."""
    found = {model: tallies.get(model, Tally(share, 1)) for model, share in row.items()}
    return {model: Tally(tally.passed - row[model], tally.tasks - 1) for model, tally in found.items()}


def _advice(best: str, tally: Tally, voted: float) -> str:
    return (
        f"use {best} alone: it was right on {tally.passed / max(tally.tasks, 1):.0%} of {tally.tasks} earlier tasks, "
        f"where a vote of all would have been right on about {voted:.0%}"
    )
