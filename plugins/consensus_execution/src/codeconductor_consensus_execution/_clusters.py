"""Counts votes on behaviour: who does the same as whom."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor_consensus_execution._trial import Trial

DIGITS = 9
"""Decimal places of votes: three thirds are one."""


def agreement_of(trial: Trial, votes: Mapping[int, float]) -> dict[int, float]:
    """For each answer that is left, the votes that do the same as it: their mean over the inputs that count.

    Minimum Bayes risk over execution results (Shi et al. 2022), with votes for counts. Without inputs that count it is
    the votes for identical programs.
    """
    if not trial.sound:
        shapes: dict[str, float] = {}
        for place in trial.left:
            shape = _shape(trial, place)
            shapes[shape] = shapes.get(shape, 0.0) + votes[place]
        return {place: round(shapes[_shape(trial, place)], DIGITS) for place in trial.left}
    sums = dict.fromkeys(trial.left, 0.0)
    for column in trial.sound:
        classes: dict[int, list[float]] = {}
        for place in trial.left:
            found = _class(trial, place, column)
            if found is not None:
                classes.setdefault(found, []).append(votes[place])
        totals = {found: math.fsum(sorted(each)) for found, each in classes.items()}
        for place in trial.left:
            found = _class(trial, place, column)
            sums[place] += totals[found] if found is not None else 0.0
    return {place: round(total / len(trial.sound), DIGITS) for place, total in sums.items()}


def clusters_of(trial: Trial, votes: Mapping[int, float]) -> list[tuple[int, ...]]:
    """The answers that do the same on all examples and inputs that count, the best supported group first.

    Answers that were left out for their examples stand in groups of their own, behind.
    """
    groups: dict[tuple[object, ...], list[int]] = {}
    for place, program in enumerate(trial.programs):
        if program is None:
            continue
        key: tuple[object, ...]
        if place not in trial.rows:
            key = ("out", tuple((it.kind, it.value) for it in trial.outcomes[place]), _shape(trial, place))
        else:
            row = [_class(trial, place, column) for column in trial.sound]
            own = None in row or not row
            key = ("left", tuple(row), _shape(trial, place) if own else "")
        groups.setdefault(key, []).append(place)
    left = set(trial.left)
    return sorted(
        map(tuple, groups.values()),
        key=lambda group: (group[0] not in left, -round(math.fsum(votes[it] for it in group), DIGITS), group),
    )


def _class(trial: Trial, place: int, column: int) -> int | None:
    return None if place in trial.unstable or place not in trial.rows else trial.rows[place][column]


def _shape(trial: Trial, place: int) -> str:
    program = trial.programs[place]
    return "" if program is None else program.shape
