"""What a decision on values tells of how sure one may be: the signals that a calibration reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import family_of, posteriors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Bench

    from codeconductor_consensus_majority._votes import Ballot

Sides = tuple[tuple[int, ...], ...]
"""The answers that gave the same value, for each value; answers without one are in none."""


def signals_of(sides: Sequence[Sequence[int]], choice: int, ballot: Ballot, bench: Bench) -> dict[str, float]:
    """The signals of a choice, by name; none where it has no value, as then nobody says clearly the same.

    Args:
        sides: As in a `Decision`.
        choice: The answer that was chosen.
        ballot: All answers, each model with one vote, whatever weights the decision was made with.
        bench: With the track record.
    """
    chosen = next((number for number, side in enumerate(sides) if choice in side), None)
    if chosen is None:
        return {}
    counted = [i for side in sides for i in side]
    models = ballot.models(counted)
    families = len({family_of(model) for model in models})
    shares = [ballot.share(side) for side in sides]
    others = [share for number, share in enumerate(shares) if number != chosen]
    rates = bench.record.rates if bench.record.tasks else {}
    signals = {
        "families": float(families if families > 1 else len(counted)),
        "share": shares[chosen],
        "margin": shares[chosen] - max(others, default=0.0),
        "groups": float(len(sides)),
        "posterior": posteriors([ballot.parts(side) for side in sides], rates)[chosen],
        "failed": max(0.0, 1 - ballot.share(counted)),
    }
    if rates:
        signals["rate"] = max(rates.get(model, 0.5) for model in ballot.models(sides[chosen]))
    return signals
