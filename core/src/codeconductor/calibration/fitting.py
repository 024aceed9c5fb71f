"""Fits a calibration: logistic regression with a ridge and slopes that are never negative, in plain Python."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from codeconductor.calibration.values import AGREEMENT, Calibration, Form, Kind, Term, logistic
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

FEWEST = 60
"""Outcomes below which nothing beats the raw agreement (measured: at 30 a fitted curve is further from the truth)."""

BETA: tuple[tuple[str, Form], ...] = ((AGREEMENT, "log"), (AGREEMENT, "complement"))
"""The terms for a strategy that comes with no calibration: beta calibration of its agreement."""

RIDGE = 1.0
"""Penalty on half the squares of the slopes."""

_STEPS = 25
_CLOSE = 1e-6


@frozen(kw_only=True)
class Judged:
    """A decision whose outcome is known.

    Attributes:
        task: Id of its task; those of one task are never fitted and judged in different folds.
        part: Where it is from, such as the name of a file.
        strategy: What decided.
        kind: Of task.
        signals: Of the decision, with its agreement.
        right: Whether the choice is right.
    """

    task: str
    part: str
    strategy: str
    kind: Kind
    signals: Mapping[str, float]
    right: bool

    @property
    def key(self) -> tuple[str, Kind, bool]:
        """The calibration that it is for."""
        return self.strategy, self.kind, "record" in self.signals


def fit(judged: Sequence[Judged], terms: Iterable[tuple[str, Form]]) -> Calibration:
    """The calibration of these decisions, which all are for the same one.

    Args:
        judged: Decisions, at least one; those that lack a signal of the terms are left out.
        terms: Signal and form of each.
    """
    names = tuple(terms)
    known = [one for one in judged if all(signal in one.signals for signal, _ in names)]
    bounded = [_bounded(signal, form, known) for signal, form in names]
    rows = [[1.0, *(term.of(one.signals) for term in bounded)] for one in known]
    weights = _fitted(rows, [one.right for one in known])
    strategy, kind, record = judged[0].key
    return Calibration(
        strategy=strategy,
        kind=kind,
        record=record,
        intercept=round(weights[0], 6),
        terms=[attrs.evolve(term, slope=round(w, 6)) for term, w in zip(bounded, weights[1:], strict=True)],
        n=len(known),
    )


def _bounded(signal: str, form: Form, judged: Sequence[Judged]) -> Term:
    seen = [one.signals[signal] for one in judged]
    return Term(signal=signal, form=form, low=round(min(seen), 6), high=round(max(seen), 6))


def _fitted(rows: Sequence[Sequence[float]], right: Sequence[bool]) -> list[float]:
    """Intercept and slopes; a term whose slope would be negative is taken out, the most negative one first."""
    active = list(range(len(rows[0])))
    while True:
        weights = _newton([[row[i] for i in active] for row in rows], right)
        worst = min(range(1, len(active)), key=lambda i: weights[i], default=0)
        if not worst or weights[worst] >= 0:
            break
        del active[worst]
    found = dict(zip(active, weights, strict=True))
    return [found.get(i, 0.0) for i in range(len(rows[0]))]


def _newton(rows: Sequence[Sequence[float]], right: Sequence[bool]) -> list[float]:
    """The maximum of the penalised likelihood; a step that would lower it is halved."""
    size = len(rows[0])
    penalties = [0.0, *[RIDGE] * (size - 1)]
    weights = [0.0] * size
    value = _likelihood(rows, right, weights, penalties)
    for _ in range(_STEPS):
        gradient = [-penalty * weight for penalty, weight in zip(penalties, weights, strict=True)]
        curvature = [[penalties[i] + 1e-9 if i == j else 0.0 for j in range(size)] for i in range(size)]
        for row, is_right in zip(rows, right, strict=True):
            p = logistic(_score(row, weights))
            error, spread = is_right - p, p * (1 - p)
            for i, x in enumerate(row):
                gradient[i] += error * x
                line, scaled = curvature[i], spread * x
                for j in range(i + 1):
                    line[j] += scaled * row[j]
        for i in range(size):
            for j in range(i):
                curvature[j][i] = curvature[i][j]
        step = _solved(curvature, gradient)
        scale, moved, better = 1.0, weights, value
        while scale > _CLOSE:
            moved = [w + scale * s for w, s in zip(weights, step, strict=True)]
            better = _likelihood(rows, right, moved, penalties)
            if better >= value:
                break
            scale /= 2
        else:
            break
        gain, weights, value = better - value, moved, better
        if gain < _CLOSE:
            break
    return weights


def _score(row: Sequence[float], weights: Sequence[float]) -> float:
    return sum(x * w for x, w in zip(row, weights, strict=True))


def _likelihood(
    rows: Sequence[Sequence[float]], right: Sequence[bool], weights: Sequence[float], penalties: Sequence[float]
) -> float:
    """Log-likelihood less the penalty."""
    found = -sum(penalty * weight * weight for penalty, weight in zip(penalties, weights, strict=True)) / 2
    for row, is_right in zip(rows, right, strict=True):
        score = _score(row, weights)
        against = -score if is_right else score
        found -= max(against, 0.0) + math.log1p(math.exp(-abs(against)))
    return found


def _solved(matrix: list[list[float]], vector: Sequence[float]) -> list[float]:
    """The solution of linear equations whose matrix is positive definite, by Gaussian elimination."""
    rows = [[*line, value] for line, value in zip(matrix, vector, strict=True)]
    size = len(rows)
    for i in range(size):
        pivot = max(range(i, size), key=lambda k: abs(rows[k][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(i + 1, size):
            factor = rows[k][i] / rows[i][i]
            for j in range(i, size + 1):
                rows[k][j] -= factor * rows[i][j]
    solution = [0.0] * size
    for i in reversed(range(size)):
        rest = sum(rows[i][j] * solution[j] for j in range(i + 1, size))
        solution[i] = (rows[i][size] - rest) / rows[i][i]
    return solution
