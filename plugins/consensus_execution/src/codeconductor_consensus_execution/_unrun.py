"""Decides where nothing can be run: identical programs are one, most votes win, then the most central text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from codeconductor import answer_shape, consensus_on, family_votes

from codeconductor_consensus_execution._central import centrality
from codeconductor_consensus_execution._clusters import DIGITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Bench, Consensus


def unrun(answers: Sequence[Answer], bench: Bench, why: str) -> Consensus:
    """A decision that has run no candidate, and says why.

    Args:
        answers: In an order that does not depend on their arrival.
        why: A clause for the explanation.
    """
    written = [place for place, answer in enumerate(answers) if answer.code]
    among = written or list(range(len(answers)))
    votes = family_votes(answers, among, bench.weights)
    groups: dict[str, list[int]] = {}
    for place in among:
        groups.setdefault(answer_shape(answers[place], "python"), []).append(place)
    support = {key: round(math.fsum(sorted(votes[it] for it in group)), DIGITS) for key, group in groups.items()}
    most = max(support.values())
    level = [place for key, group in groups.items() if support[key] == most for place in group]
    rated = centrality([_text(answer) for answer in answers], level)
    choice = min(level, key=lambda place: (-rated[place], answers[place].text, place))
    backers = next(group for group in groups.values() if choice in group)
    counted = "wrote the same program" if written else "gave the same text"
    return consensus_on(
        answers,
        list(groups.values()),
        choice,
        bench,
        explanation=f"No code was run: {why}. {len(backers)} of {len(answers)} answers {counted}; "
        "between equals the text most like the others was taken.",
    )


def _text(answer: Answer) -> str:
    return "\n".join(block.text for block in answer.code) or answer.text
