"""Which of several texts is the most central one (the medoid): the one most like all others, votes counted."""

from __future__ import annotations

import re
import sys
from itertools import islice, repeat
from operator import mul
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

REFERENCES = 32
"""Texts that every other one is compared with, the best supported; keeps the work linear for many texts."""

LONGEST = 600
"""Tokens of a text that are compared; the rest is not looked at."""

_TOKEN = re.compile(r"\w+|[^\w\s]")
_PRIVATE = 0xE000
"""From here on each token gets a character of its own, the last one for all that are too many; surrogates lie below."""


def centrality(votes: Mapping[str, float], among: Sequence[str] | None = None) -> dict[str, float]:
    """How much like all the others each text is, 0 to 100: the mean similarity of tokens, weighted by votes.

    Exact up to `REFERENCES` texts; beyond, the best supported ones stand for all, so that n texts cost n comparisons
    times `REFERENCES` in place of n².

    Args:
        votes: Every text with its votes.
        among: The texts to rate; all unless given.
    """
    if len(votes) == 1:
        return dict.fromkeys(votes, 100.0)
    from rapidfuzz import fuzz

    codes = _Codes()
    references = sorted(votes, key=lambda text: (-votes[text], text))[:REFERENCES]
    coded = [codes.of(text) for text in references]
    weights = [max(votes[text], 0.0) for text in references]
    total = sum(weights) or 1.0
    rated = {}
    for text in votes if among is None else among:
        alike = map(fuzz.ratio, repeat(codes.of(text)), coded)
        rated[text] = round(sum(map(mul, weights, alike)) / total, 6)
    return rated


def medoid(votes: Mapping[str, float]) -> str:
    """The most central text; ties go to the better supported, then to the shorter, then by alphabet."""
    if len(votes) < 3:  # of two texts the better supported one is the more central
        return min(votes, key=lambda text: (-votes[text], len(text), text))
    candidates = sorted(votes, key=lambda text: (-votes[text], text))[: 2 * REFERENCES]
    rated = centrality(votes, candidates)
    return min(candidates, key=lambda text: (-rated[text], -votes[text], len(text), text))


class _Codes:
    """Texts as strings of one character a token: a comparison is then about five times as fast."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}
        self._texts: dict[str, str] = {}

    def of(self, text: str) -> str:
        if text not in self._texts:
            numbers = self._tokens
            self._texts[text] = "".join(
                numbers.setdefault(match[0], chr(min(_PRIVATE + len(numbers), sys.maxunicode)))
                for match in islice(_TOKEN.finditer(text.casefold()), LONGEST)
            )
        return self._texts[text]
