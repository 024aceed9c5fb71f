"""Known outcomes ─▶ a table of calibrations, each judged on tasks that it was not fitted on."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import TYPE_CHECKING

from codeconductor.calibration import (
    AGREEMENT,
    Calibration,
    Fitted,
    TableError,
    confidence_of,
    kind_of_calibration,
    shipped_table,
)
from codeconductor.calibration.fitting import BETA, FEWEST, Judged, fit
from codeconductor.calibration.measures import Forecast, quality
from codeconductor.errors import InputError
from codeconductor.history import known_outcomes
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from codeconductor.calibration import Form, Kind, Table
    from codeconductor.session import Session

    Terms = tuple[tuple[str, Form], ...]

_FOLDS = 5


@frozen(kw_only=True)
class Known:
    """Decisions with a known outcome, and how many there are beside them.

    Attributes:
        judged: The decisions.
        source: Where they are from, in words.
        unknown: Decisions whose outcome is not known.
        without: Tasks that were decided without a choice.
    """

    judged: tuple[Judged, ...]
    source: str
    unknown: int = 0
    without: int = 0


@frozen(kw_only=True)
class Refit:
    """What came of `calibrate`.

    Attributes:
        fitted: The calibrations, by what they are for.
        few: Outcomes there are for what could not be calibrated, by what it would be for.
    """

    fitted: tuple[Fitted, ...]
    few: Mapping[tuple[str, Kind, bool], int]


def known_of_history(folder: Path) -> Known:
    """The runs of the history whose outcome was told.

    Raises:
        HistoryError: The history cannot be read.
    """
    judged = [
        Judged(
            task=document["task"]["text"],
            part="history",
            strategy=consensus["strategy"],
            kind=kind_of_calibration(document["task"]["kind"]),
            signals={**consensus.get("signals", {}), AGREEMENT: consensus["agreement"]},
            right=passed,
        )
        for document, passed in known_outcomes(folder)
        if (consensus := document["consensus"]) is not None
    ]
    return Known(judged=tuple(judged), source="the history")


def calibrate(session: Session, known: Known, *, day: str, terms: Terms | None = None) -> Refit:
    """Fit a calibration to each strategy, kind of task and presence of a track record that has outcomes enough.

    Args:
        known: Decisions and their outcomes.
        day: Of the fit, as in ISO 8601.
        terms: To fit on, alone; None: those of the strategy's own calibration, which then counts as well.

    Raises:
        InputError: There are outcomes enough for none.
    """
    groups: dict[tuple[str, Kind, bool], list[Judged]] = defaultdict(list)
    for one in known.judged:
        groups[one.key].append(one)
    fitted, few = [], {}
    for key, judged in sorted(groups.items()):
        shipped = None if terms else _shipped(session, key)
        names = terms or _terms_of(shipped, judged)
        usable = [one for one in judged if all(signal in one.signals for signal, _ in names)]
        if len(usable) < FEWEST:
            few[key] = len(usable)
        else:
            fitted.append(_judged(usable, names, shipped, known.source, day))
    if not fitted:
        most = max(few.values(), default=0)
        raise InputError(
            f"there are {most} known outcomes of one strategy on one kind of task, and a calibration needs {FEWEST}",
            hint="below that the agreement itself is nearer to the truth: collect more outcomes, and come back",
        )
    return Refit(fitted=tuple(fitted), few=few)


def _shipped(session: Session, key: tuple[str, Kind, bool]) -> Calibration | None:
    strategies = session.plugins.consensus_strategies()
    file = getattr(strategies[key[0]][1], "calibrations", None) if key[0] in strategies else None
    try:
        table: Table = {} if file is None else shipped_table(file)
    except TableError as exc:
        session.warn(f"the calibration of strategy {key[0]!r} is not used: {exc}; reinstall its distribution")
        return None
    return table.get(key)


def _terms_of(shipped: Calibration | None, judged: Sequence[Judged]) -> Terms:
    """Those of the shipped calibration, where most decisions have its signals."""
    fitting = sum(shipped is not None and shipped.fits(one.signals) for one in judged)
    if shipped is None or 2 * fitting <= len(judged):
        return BETA
    return tuple((term.signal, term.form) for term in shipped.terms)


def _judged(judged: Sequence[Judged], terms: Terms, shipped: Calibration | None, source: str, day: str) -> Fitted:
    """A calibration on all of them, and how good those are that were fitted on a part and judged on the rest."""
    parts = {one.part for one in judged}
    folds = _folds(judged)
    return Fitted(
        calibration=fit(judged, terms),
        source=source,
        fitted=day,
        before=quality([Forecast(one.signals[AGREEMENT], one.right, one.task) for one in judged]),
        after=quality(_foretold(judged, lambda one: folds[one.task], terms, shipped)),
        across=quality(_foretold(judged, lambda one: one.part, terms, shipped)) if len(parts) > 1 else None,
    )


def _foretold(
    judged: Sequence[Judged], part_of: Callable[[Judged], object], terms: Terms, shipped: Calibration | None
) -> list[Forecast]:
    """The probabilities that each part's decisions get from the outcomes of the other parts."""
    forecasts = []
    for part in dict.fromkeys(map(part_of, judged)):
        fitted = fit([one for one in judged if part_of(one) != part], terms)
        for one in judged:
            if part_of(one) == part:
                said = confidence_of(one.signals, fitted, shipped)
                assert said is not None  # it has the signals of the terms
                forecasts.append(Forecast(said, one.right, one.task))
    return forecasts


def _folds(judged: Iterable[Judged]) -> dict[str, int]:
    """The fold of each task; equal ones differ in size by one task."""
    tasks = sorted({one.task for one in judged})
    random.Random(0).shuffle(tasks)  # noqa: S311 - no secret
    return {task: number % _FOLDS for number, task in enumerate(tasks)}
