"""Makes a confidence of what a strategy says of its decision: a probability where a calibration fits."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import attrs

from codeconductor.calibration import (
    AGREEMENT,
    FILE,
    RECORD,
    TableError,
    confidence_of,
    kind_of_calibration,
    own_table,
    shipped_table,
)
from codeconductor.settings import data_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor.calibration import Table
    from codeconductor.consensus.values import Bench, Consensus, ConsensusStrategy
    from codeconductor.session import Session
    from codeconductor.task import Task


def with_confidence(
    session: Session, strategy: ConsensusStrategy, task: Task, consensus: Consensus, bench: Bench
) -> Consensus:
    """The decision with its confidence: by the user's own calibration and the strategy's, else the agreement.

    Raises:
        ValueError: A number that the strategy gave cannot be.
    """
    agreement = float(consensus.agreement)
    if not (math.isfinite(agreement) and 0 <= agreement <= 1):
        raise ValueError(f"agreement is {agreement!r}, not a share from 0 to 1")
    signals = {str(name): float(value) for name, value in consensus.signals.items()}
    for name, value in signals.items():
        if not math.isfinite(value):
            raise ValueError(f"signal {name!r} is {value!r}, not a finite number")
    if bench.record.tasks:
        signals[RECORD] = float(bench.record.tasks)
    key = (strategy.name, kind_of_calibration(task.kind), RECORD in signals)
    folder = data_folder()
    own = _read(
        session,
        f"the calibration {folder / FILE}",
        lambda: own_table(folder),
        "make it anew with `conductor calibrate`",
    )
    shipped = _shipped(session, strategy)
    probability = confidence_of({**signals, AGREEMENT: agreement}, own.get(key), shipped.get(key))
    return attrs.evolve(
        consensus,
        signals=signals,
        agreement=agreement,
        confidence=agreement if probability is None else probability,
        calibrated=probability is not None,
    )


def _shipped(session: Session, strategy: ConsensusStrategy) -> Table:
    file = getattr(strategy, "calibrations", None)
    if file is None:
        return {}
    return _read(
        session,
        f"the calibration of strategy {strategy.name!r}",
        lambda: shipped_table(file),
        "reinstall its distribution",
    )


def _read(session: Session, whose: str, read: Callable[[], Table], remedy: str) -> Table:
    """A table; where it cannot be used, none, with a warning."""
    try:
        return read()
    except TableError as exc:
        session.warn(f"{whose} is not used: {exc}; {remedy}")
        return {}
