"""Which of several texts is most like all the others: a tie-breaker where nothing else tells candidates apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import likeness, token_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFERENCES = 32
"""Texts that every other one is compared with; keeps the work linear for many."""


def centrality(texts: Sequence[str], among: Sequence[int]) -> Mapping[int, float]:
    """How much like the other texts each of some is, 0 to 1: the mean share of pairs of tokens that both have."""
    pairs = {place: token_pairs(texts[place]) for place in {*among, *range(min(len(texts), REFERENCES))}}
    rated = {}
    for place in among:
        others = [it for it in range(min(len(texts), REFERENCES)) if it != place and texts[it]]
        alike = sorted(likeness(pairs[place], pairs[it]) for it in others)
        rated[place] = round(sum(alike) / len(alike), 9) if alike else 0.0
    return rated
