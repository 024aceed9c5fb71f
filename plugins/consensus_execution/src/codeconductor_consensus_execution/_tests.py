"""Rates candidates by which tests they pass together: CodeT's dual agreement, and B4's posterior."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from codeconductor_consensus_execution._trial import expected, meets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor import Bench

    from codeconductor_consensus_execution._trial import Trial

CORRECT_PASSED = (1.0, 1.0)
"""Beta prior of a wrong program's chance to pass a right test: nothing is known."""

WRONG_PASSED = (1.0, 10.0)
"""Beta prior of a wrong program's chance to pass a wrong test: two errors seldom meet."""

RIGHT = (2.0, 1.0)
"""Beta prior of the share of right programs, and of right tests: rather more than fewer."""


async def passes_of(trial: Trial, bench: Bench) -> dict[int, frozenset[object]]:
    """The tests that each answer that is left passes.

    A test is an input with a result that somebody proposed: what models wrote as tests; and, as few of them write any,
    what each candidate returned for each input that counts. An exception is no proposal.
    """
    wanted = await expected(trial.written, bench)
    first = len(trial.cases)
    found: dict[int, frozenset[object]] = {}
    for place in trial.left:
        outcomes = trial.outcomes[place][first:]
        claimed = {
            ("written", number)
            for number, (case, it) in enumerate(zip(trial.written, wanted, strict=True))
            if number < len(outcomes) and meets(outcomes[number], case, it)
        }
        row = trial.rows.get(place)
        proposed = {
            ("proposed", column, row[column])
            for column in trial.sound
            if row is not None and place not in trial.unstable
            if row[column] is not None and row[column] not in trial.failing[column]
        }
        found[place] = frozenset(claimed | proposed)
    return found


def dual_agreement(passes: Mapping[int, frozenset[object]], votes: Mapping[int, float]) -> dict[int, float]:
    """CodeT: the votes of those that pass the same tests, times the number of these tests."""
    sizes: dict[frozenset[object], list[float]] = {}
    for place, passed in passes.items():
        sizes.setdefault(passed, []).append(votes[place])
    return {place: round(math.fsum(sorted(sizes[passed])) * (1 + len(passed)), 9) for place, passed in passes.items()}


def posterior(passes: Mapping[int, frozenset[object]], votes: Mapping[int, float]) -> dict[int, float]:
    """B4: the logarithm of how probable it is that exactly those that pass the same tests are right, and their tests.

    A right program passes the right tests and no wrong one; a wrong one passes each with a chance of its own, which is
    integrated out under its Beta prior.
    """
    tests = sorted(frozenset().union(*passes.values()), key=repr) if passes else []
    total = math.fsum(votes.values())
    rated: dict[frozenset[object], float] = {}
    for right in set(passes.values()):
        inside = math.fsum(sorted(votes[place] for place, passed in passes.items() if passed == right))
        outside = [(votes[place], passed) for place, passed in passes.items() if passed != right]
        on_right = math.fsum(sorted(vote * len(passed & right) for vote, passed in outside))
        on_wrong = math.fsum(sorted(vote * len(passed - right) for vote, passed in outside))
        weight = max(0.0, total - inside)
        rated[right] = (
            _evidence(on_right, weight * len(right) - on_right, CORRECT_PASSED)
            + _evidence(on_wrong, weight * (len(tests) - len(right)) - on_wrong, WRONG_PASSED)
            + _evidence(inside, weight, RIGHT)
            + _evidence(len(right), len(tests) - len(right), RIGHT)
        )
    return {place: round(rated[passed], 9) for place, passed in passes.items()}


def _evidence(hits: float, misses: float, prior: tuple[float, float]) -> float:
    """Logarithm of the chance of so many hits and misses under a Beta prior of the chance of a hit."""
    first, second = prior
    return _log_beta(max(0.0, hits) + first, max(0.0, misses) + second) - _log_beta(first, second)


def _log_beta(first: float, second: float) -> float:
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)
