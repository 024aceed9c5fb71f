"""Puts together what means the same, however it is worded."""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import attrs

from codeconductor_consensus_majority._central import medoid
from codeconductor_consensus_majority._wording import SHORTEST, THRESHOLD, Wording, alike, compatible, wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codeconductor_consensus_majority._votes import Ballot

MAX_LEADERS = 200
"""Groups that others may join, the best supported; what comes after them stands alone, so the work grows linearly."""

MOST_DIFFERENT = 1 - THRESHOLD / (200 - THRESHOLD)
"""Share of a sentence's letters that another one which is like enough may lack."""


class Said(NamedTuple):
    """One item of one answer: its text, who said it, and where in the answer's list it stood."""

    text: str
    backer: int
    position: int = 0


@attrs.define(eq=False)
class Cluster:
    """Wordings that mean the same.

    Attributes:
        value: The most central wording.
        backers: Answers that say it.
        share: Of all votes, 0 to 1.
        position: Where in its backers' lists it stands, in the mean.
    """

    value: str
    backers: frozenset[int]
    share: float
    position: float


def clusters(said: Iterable[Said], ballot: Ballot) -> list[Cluster]:
    """What was said, put together; the best supported first, and always in the same order.

    Each group of equal wordings joins the best supported group that it is like enough to; what is like none begins one
    of its own.
    """
    groups: dict[tuple[object, ...], list[Said]] = {}
    for item in said:
        groups.setdefault(wording(item.text).identity, []).append(item)
    ranked = sorted(
        (-ballot.weight({item.backer for item in items}), representative(items), items) for items in groups.values()
    )
    worded = [wording(text) for _, text, _ in ranked]
    leaders = _Leaders(worded)
    members: list[list[Said]] = []
    for one, (_, _, items) in zip(worded, ranked, strict=True):
        leader = leaders.join(one)
        if leader == len(members):
            members.append([])
        members[leader].extend(items)
    return in_order(_cluster(items, ballot) for items in members)


def in_order(found: Iterable[Cluster]) -> list[Cluster]:
    """Clusters as they are told: the best supported first, then by their place in the lists, then by alphabet."""
    return sorted(found, key=lambda cluster: (-cluster.share, cluster.position, cluster.value))


def representative(items: Sequence[Said]) -> str:
    """The shortest of equal wordings; they differ in idle words alone."""
    return min((item.text for item in items), key=lambda text: (len(text), text))


def _cluster(items: Sequence[Said], ballot: Ballot) -> Cluster:
    if len(items) == 1:
        return Cluster(items[0].text, frozenset({items[0].backer}), ballot.share([items[0].backer]), items[0].position)
    said: dict[str, set[int]] = {}
    for item in items:
        said.setdefault(item.text, set()).add(item.backer)
    votes = {text: ballot.weight(who) for text, who in said.items()}
    backers = frozenset().union(*said.values())
    return Cluster(medoid(votes), backers, ballot.share(backers), mean_position(items))


def mean_position(items: Sequence[Said]) -> float:
    """Where in its backers' lists something stands, in the mean."""
    return round(math.fsum(item.position for item in items) / len(items), 6)


class _Leaders:
    """The groups begun so far, found by their rarest words.

    Of two sentences that are like enough, one has nearly all the words of the other: so it has at least one of those
    rarest words that make up more than the difference may.
    """

    def __init__(self, wordings: Iterable[Wording]) -> None:
        self._leaders: list[Wording] = []
        self._by_text: dict[str, dict[int, str]] = {}
        self._by_word: dict[tuple[object, ...], dict[int, str]] = {}
        self._count = Counter(chain.from_iterable(known.parts for known in wordings))

    def join(self, one: Wording) -> int:
        """The number of the group that it joins; the next free one where it begins a group."""
        found = (
            (-score, number)
            for number, score in alike(one.sorted, self._candidates(one))
            if compatible(self._leaders[number], one)
        )
        best = min(found, default=None)
        return self._begin(one) if best is None else best[1]

    def _candidates(self, one: Wording) -> dict[int, str]:
        found = dict(self._by_text.get(one.sorted, {}))
        if len(one.words) >= SHORTEST:
            left = MOST_DIFFERENT * len(one.sorted)
            for part in sorted(one.parts, key=lambda part: (self._count[part], part)):
                found.update(self._by_word.get((part, *one.strict), {}))
                left -= len(part)
                if left < 0:
                    break
        return found

    def _begin(self, one: Wording) -> int:
        number = len(self._leaders)
        self._leaders.append(one)
        if number >= MAX_LEADERS:
            return number
        self._by_text.setdefault(one.sorted, {})[number] = one.sorted
        if len(one.words) >= SHORTEST:
            for part in one.parts:
                self._by_word.setdefault((part, *one.strict), {})[number] = one.sorted
        return number
