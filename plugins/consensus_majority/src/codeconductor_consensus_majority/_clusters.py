"""Puts together what means the same, however it is worded."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import attrs

from codeconductor_consensus_majority._central import medoid
from codeconductor_consensus_majority._wording import SHORTEST, THRESHOLD, Wording, alike, compatible, wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codeconductor_consensus_majority._votes import Ballot

_STEM = 4
"""Letters by which words are looked up: forms of one word share them."""


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
        position: Where in its backers' lists it stands, in the mean.
    """

    value: str
    backers: frozenset[int]
    position: float


def clusters(said: Iterable[Said], ballot: Ballot) -> list[Cluster]:
    """What was said, put together; the best supported first, and always in the same order.

    Each group of equal wordings joins the best supported group that it is like enough to; what is like none begins one
    of its own.
    """
    groups: dict[tuple[object, ...], list[Said]] = {}
    for item in said:
        groups.setdefault(wording(item.text).identity, []).append(item)
    ordered = sorted(
        ((_representative(items), items) for items in groups.values()),
        key=lambda group: (-ballot.weight({item.backer for item in group[1]}), group[0]),
    )
    leaders = _Leaders(wording(text) for text, _ in ordered)
    members: list[list[Said]] = []
    for text, items in ordered:
        leader = leaders.join(wording(text))
        if leader == len(members):
            members.append([])
        members[leader].extend(items)
    found = [_cluster(items, ballot) for items in members]
    return sorted(found, key=lambda cluster: (-ballot.share(cluster.backers), cluster.position, cluster.value))


def _representative(items: Sequence[Said]) -> str:
    """The shortest of equal wordings; they differ in idle words alone."""
    return min((item.text for item in items), key=lambda text: (len(text), text))


def _cluster(items: Sequence[Said], ballot: Ballot) -> Cluster:
    if len(items) == 1:
        return Cluster(items[0].text, frozenset({items[0].backer}), items[0].position)
    backers: dict[str, set[int]] = {}
    for item in items:
        backers.setdefault(item.text, set()).add(item.backer)
    votes = {text: ballot.weight(who) for text, who in backers.items()}
    position = round(math.fsum(item.position for item in items) / len(items), 6)
    return Cluster(medoid(votes), frozenset().union(*backers.values()), position)


class _Leaders:
    """The groups begun so far, found by their rarest words.

    Of two sentences that are like enough, one has nearly all the words of the other: so it has at least one of those
    rarest words that make up more than the difference may.
    """

    def __init__(self, wordings: Iterable[Wording]) -> None:
        self._leaders: list[Wording] = []
        self._by_text: dict[str, dict[int, str]] = {}
        self._by_word: dict[tuple[object, ...], dict[int, str]] = {}
        self._count = Counter(part for known in wordings for part in _parts(known))

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
            for part in sorted(_parts(one), key=lambda part: (self._count[part], part)):
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
            for part in _parts(one):
                self._by_word.setdefault((part, *one.strict), {})[number] = one.sorted
        return number


def _parts(one: Wording) -> set[str]:
    return {word[:_STEM] for word in one.words}
