"""How much alike two things are: the share of their parts that both have, such as pairs of tokens."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

T = TypeVar("T", bound="Hashable")

LONGEST = 2_000
"""Tokens of a text that are compared."""

_TOKEN = re.compile(r"\w+|[^\w\s]")


def token_pairs(text: str) -> Counter[tuple[str, str]]:
    """Neighbouring tokens of a text, counted; its two ends count as tokens, so that one word alone is something too."""
    return Counter(pairwise(("", *_TOKEN.findall(text)[:LONGEST], "")))


def likeness(one: Mapping[T, int], other: Mapping[T, int]) -> float:
    """The share of parts that both have, 0 to 1 (Jaccard's index of multisets); 1 where neither has any.

    Args:
        one: How often each part occurs.
        other: The same of the other thing.
    """
    if len(other) < len(one):
        one, other = other, one
    both = sum(min(count, other.get(part, 0)) for part, count in one.items())
    either = sum(one.values()) + sum(other.values()) - both
    return both / either if either else 1.0
