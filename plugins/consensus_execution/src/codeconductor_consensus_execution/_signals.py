"""What a decision by behaviour tells of how sure one may be, beside what votes alone tell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from codeconductor_consensus_execution._clusters import DIGITS, agreement_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor_consensus_execution._trial import Trial


def signals_of(trial: Trial, choice: int, votes: Mapping[int, float]) -> dict[str, float]:
    """The signals of a choice, by name; `core` describes those that other strategies have too.

    `agreeing` and `passing` are shares of all votes, 0 to 1: of those that do the same as the choice, on average over
    the inputs, and of those that pass as many examples. `sound` is the share of the inputs on which they were compared.

    Args:
        trial: In which the choice is one of those that are left.
        votes: Of all answers, whatever weights the decision was made with.
    """
    total = math.fsum(sorted(votes.values()))
    passing = math.fsum(sorted(votes[place] for place in trial.left))
    return {
        "agreeing": min(1.0, round(agreement_of(trial, votes)[choice] / total, DIGITS)),
        "passing": min(1.0, round(passing / total, DIGITS)),
        "examples": float(len(trial.cases)),
        "inputs": float(len(trial.sound)),
        "sound": len(trial.sound) / len(trial.inputs) if trial.inputs else 0.0,
        "passed": max(0, trial.passed[choice]) / len(trial.cases) if trial.cases else float(bool(trial.sound)),
    }
