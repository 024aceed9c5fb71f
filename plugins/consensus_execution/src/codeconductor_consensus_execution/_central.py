"""Which of several texts is most like all the others: a tie-breaker where nothing else tells candidates apart."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LONGEST = 2_000
"""Tokens of a text that are compared."""

REFERENCES = 32
"""Texts that every other one is compared with; keeps the work linear for many."""

_TOKEN = re.compile(r"\w+|[^\w\s]")


def centrality(texts: Sequence[str], among: Sequence[int]) -> Mapping[int, float]:
    """How much like the other texts each of some is, 0 to 1: the mean share of pairs of tokens that both have."""
    pairs = {place: _pairs(texts[place]) for place in {*among, *range(min(len(texts), REFERENCES))}}
    rated = {}
    for place in among:
        others = [it for it in range(min(len(texts), REFERENCES)) if it != place and texts[it]]
        alike = sorted(_alike(pairs[place], pairs[it]) for it in others)
        rated[place] = round(sum(alike) / len(alike), 9) if alike else 0.0
    return rated


def _pairs(text: str) -> Counter[tuple[str, str]]:
    return Counter(pairwise(_TOKEN.findall(text)[:LONGEST]))


def _alike(one: Counter[tuple[str, str]], other: Counter[tuple[str, str]]) -> float:
    either = (one | other).total()
    return (one & other).total() / either if either else 1.0
