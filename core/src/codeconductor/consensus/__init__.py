"""Dispatch ─▶ **consensus** ─▶ prompt: what the models agree on, decided by a strategy that a plugin brings."""

from __future__ import annotations

from codeconductor.consensus.candidates import candidates, decided_calls, none_will_do
from codeconductor.consensus.deciding import PACKAGE, decide, find_strategy, settling
from codeconductor.consensus.families import family_of
from codeconductor.consensus.record import Earlier, Tally, TrackRecord, learn, posteriors
from codeconductor.consensus.values import (
    Bench,
    Consensus,
    ConsensusStrategy,
    Disagreement,
    FieldConsensus,
    Option,
    Witness,
    WitnessOption,
)
from codeconductor.consensus.weights import collect_weights

__all__ = [
    "PACKAGE",
    "Bench",
    "Consensus",
    "ConsensusStrategy",
    "Disagreement",
    "Earlier",
    "FieldConsensus",
    "Option",
    "Tally",
    "TrackRecord",
    "Witness",
    "WitnessOption",
    "candidates",
    "collect_weights",
    "decide",
    "decided_calls",
    "family_of",
    "find_strategy",
    "learn",
    "none_will_do",
    "posteriors",
    "settling",
]
