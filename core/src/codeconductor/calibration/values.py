"""A calibration: a logistic curve over a few signals of a decision, fitted on decisions whose outcome is known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import attrs

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Kind = Literal["code", "question", "call"]
"""What a task wants, as far as a calibration cares: every kind of task for which code is written is one."""

Form = Literal["plain", "negative", "log", "complement"]
"""How a signal x enters: x, -x, ln x, or -ln(1 - x). The last two of one signal are beta calibration (Kull 2017)."""

EDGE = 0.001
"""What a share is kept away from 0 and 1 by, before its logarithm is taken."""

LEAST = 0.005
"""No probability is nearer to 0 or 1; nor nearer than one error in two outcomes more than it was fitted on."""

SHRINK = 50
"""Outcomes that a shipped calibration weighs as much as, beside one of the user's own."""

AGREEMENT = "agreement"
"""The signal that every decision has."""

RECORD = "record"
"""The signal that is there where a decision was made with a track record."""


def kind_of_calibration(task_kind: str) -> Kind:
    """Of the calibration that a task of this kind needs."""
    return "question" if task_kind == "question" else "call" if task_kind == "call" else "code"


@frozen(kw_only=True)
class Term:
    """One summand of the curve.

    Attributes:
        signal: Its name.
        form: How it enters.
        slope: What it is multiplied with; never negative, so that a larger signal never lowers the probability, unless
            its form is ``negative``.
        low: The least value that was seen when it was fitted; less counts as this.
        high: The largest one.
    """

    signal: str
    form: Form
    slope: float = 0.0
    low: float = -math.inf
    high: float = math.inf

    def of(self, signals: Mapping[str, float]) -> float:
        """What the signal enters as, within what was seen."""
        value = min(max(signals[self.signal], self.low), self.high)
        if self.form == "plain":
            return value
        if self.form == "negative":
            return -value
        inner = min(max(value, EDGE), 1 - EDGE)
        return math.log(inner) if self.form == "log" else -math.log1p(-inner)


def _terms(terms: Iterable[Term]) -> tuple[Term, ...]:
    return tuple(terms)


@frozen(kw_only=True)
class Calibration:
    """Turns the signals of one strategy's decisions on one kind of task into the probability of being right.

    Attributes:
        strategy: Whose decisions.
        kind: Of task.
        record: Whether it is for decisions that were made with a track record; these and others differ.
        intercept: Of the logistic curve.
        terms: Of the logistic curve.
        n: Outcomes that it was fitted on.
    """

    strategy: str
    kind: Kind
    record: bool
    intercept: float
    terms: tuple[Term, ...] = attrs.field(converter=_terms)
    n: int

    @property
    def key(self) -> tuple[str, Kind, bool]:
        """What it is for."""
        return self.strategy, self.kind, self.record

    def fits(self, signals: Mapping[str, float]) -> bool:
        """Whether it can say something of these: all that it needs is there."""
        return all(term.signal in signals for term in self.terms)

    def probability(self, signals: Mapping[str, float]) -> float:
        """That a decision with these signals, which it fits, is right; above 0 and below 1."""
        score = math.fsum([self.intercept, *(term.slope * term.of(signals) for term in self.terms)])
        least = max(LEAST, 1 / (self.n + 2))
        return min(max(logistic(score), least), 1 - least)


def logistic(score: float) -> float:
    """The probability of these log-odds."""
    if score < 0:
        odds = math.exp(max(score, -700.0))
        return odds / (1 + odds)
    return 1 / (1 + math.exp(-score))


def confidence_of(signals: Mapping[str, float], own: Calibration | None, shipped: Calibration | None) -> float | None:
    """The probability of being right, by the user's own calibration and the shipped one; None where neither fits.

    The shipped one counts as `SHRINK` outcomes, the user's own as those that it was fitted on.
    """
    fitting: Sequence[tuple[Calibration, float]] = [
        (calibration, weight)
        for calibration, weight in ((own, own.n if own else 0), (shipped, SHRINK))
        if calibration is not None and calibration.fits(signals)
    ]
    total = math.fsum(weight for _, weight in fitting)
    if not total:
        return None
    return math.fsum(calibration.probability(signals) * weight for calibration, weight in fitting) / total
