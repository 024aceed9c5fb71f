"""How good probabilities are: expected calibration error with an interval by bootstrap over tasks, Brier, AUROC."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from typing import TYPE_CHECKING

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

BINS = 10
"""Of equal mass. More would show more error that is chance: a perfect forecaster has 0.05 at 500 outcomes without the
correction made here."""

_DRAWS = 200


@frozen
class Forecast:
    """A probability, what came of it, and the task that it is for."""

    probability: float
    right: bool
    task: str = ""


@frozen(kw_only=True)
class Quality:
    """How good some probabilities are.

    Attributes:
        n: How many there are.
        right: Share of them whose decision was right.
        ece: Expected calibration error, 0 to 1: less is better.
        ece_low: Lower end of its interval, 95 %.
        ece_high: Upper end.
        brier: Mean squared error, 0 to 1: less is better.
        auroc: Probability that a right decision has more than a wrong one; 0.5 says nothing. None where all were right,
            or all wrong.
    """

    n: int
    right: float
    ece: float
    ece_low: float
    ece_high: float
    brier: float
    auroc: float | None


def quality(forecasts: Sequence[Forecast]) -> Quality:
    """How good they are; at least one."""
    by_task: dict[str, list[Forecast]] = defaultdict(list)
    for one in forecasts:
        by_task[one.task].append(one)
    tasks = list(by_task.values())
    draw = random.Random(0)  # noqa: S311 - no secret
    drawn = sorted(ece([one for part in draw.choices(tasks, k=len(tasks)) for one in part]) for _ in range(_DRAWS))
    return Quality(
        n=len(forecasts),
        right=sum(one.right for one in forecasts) / len(forecasts),
        ece=ece(forecasts),
        ece_low=drawn[int(0.025 * _DRAWS)],
        ece_high=drawn[int(0.975 * _DRAWS)],
        brier=math.fsum((one.probability - one.right) ** 2 for one in forecasts) / len(forecasts),
        auroc=auroc(forecasts),
    )


def ece(forecasts: Sequence[Forecast]) -> float:
    """Expected calibration error: `BINS` of equal mass, from the square of each gap its sampling variance is taken."""
    ranked = list(forecasts)
    random.Random(0).shuffle(ranked)  # noqa: S311 - between equals no order may decide
    ranked.sort(key=lambda one: one.probability)
    total = 0.0
    for k in range(BINS):
        part = ranked[k * len(ranked) // BINS : (k + 1) * len(ranked) // BINS]
        if part:
            said = sum(one.probability for one in part) / len(part)
            came = sum(one.right for one in part) / len(part)
            excess = (said - came) ** 2 - came * (1 - came) / max(1, len(part) - 1)
            total += len(part) / len(ranked) * math.sqrt(max(0.0, excess))
    return total


def auroc(forecasts: Sequence[Forecast]) -> float | None:
    """Area under the ROC curve by ranks, ties in the middle; None where all were right, or all wrong."""
    ranked = sorted(forecasts, key=lambda one: one.probability)
    good = sum(one.right for one in ranked)
    bad = len(ranked) - good
    if not good or not bad:
        return None
    ranks, start = 0.0, 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end].probability == ranked[start].probability:
            end += 1
        ranks += (start + end + 1) / 2 * sum(one.right for one in ranked[start:end])
        start = end
    return (ranks - good * (good + 1) / 2) / (good * bad)
