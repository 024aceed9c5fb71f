"""Decides where nothing can be run: identical programs are one, most votes win, then the most central text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from codeconductor import CodeBlock, Consensus, FieldConsensus

from codeconductor_consensus_execution._central import centrality
from codeconductor_consensus_execution._clusters import DIGITS, votes_of
from codeconductor_consensus_execution._shapes import shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor import Answer, Bench


def unrun(answers: Sequence[Answer], bench: Bench, why: str) -> Consensus:
    """A decision that has run no candidate, and says why.

    Args:
        answers: In an order that does not depend on their arrival.
        why: A clause for the explanation.
    """
    written = [place for place, answer in enumerate(answers) if answer.code]
    among = written or list(range(len(answers)))
    votes = votes_of(answers, among, bench.weights)
    groups: dict[str, list[int]] = {}
    for place in among:
        groups.setdefault(_shape(answers[place]), []).append(place)
    support = {key: round(math.fsum(sorted(votes[it] for it in group)), DIGITS) for key, group in groups.items()}
    most = max(support.values())
    level = [place for key, group in groups.items() if support[key] == most for place in group]
    rated = centrality([_text(answer) for answer in answers], level)
    choice = min(level, key=lambda place: (-rated[place], answers[place].text, place))
    backers = groups[_shape(answers[choice])]
    shares = votes_of(answers, range(len(answers)))
    agreement = min(1.0, math.fsum(sorted(shares[it] for it in backers)) / (math.fsum(sorted(shares.values())) or 1.0))
    counted = "wrote the same program" if written else "gave the same text"
    return Consensus(
        outcome=outcome_of(answers[choice], answers[choice].code),
        agreement=agreement,
        choice=answers[choice],
        fields=fields_of(answers, backers, answers[choice].code, agreement),
        explanation=f"No code was run: {why}. {len(backers)} of {len(answers)} answers {counted}; "
        "between equals the text most like the others was taken.",
    )


def outcome_of(answer: Answer, code: Sequence[CodeBlock]) -> dict[str, Any]:
    """The chosen answer's own plan, and its code; its text where it has neither."""
    plan: Mapping[str, Any] = answer.data or {}
    return {**plan, **({"code": tuple(code)} if code else {})} or {"text": answer.text}


def fields_of(
    answers: Sequence[Answer], backers: Sequence[int], code: Sequence[CodeBlock], support: float
) -> tuple[FieldConsensus, ...]:
    """The code as what was agreed on, with its backers."""
    models = sorted({answers[place].model.id for place in backers})
    return (FieldConsensus(name="code", value=tuple(code), support=support, models=models),) if code else ()


def _text(answer: Answer) -> str:
    return "\n".join(block.text for block in answer.code) or answer.text


def _shape(answer: Answer) -> str:
    if not answer.code:
        return " ".join(answer.text.split())
    return "\n".join(
        shape_of(block.text) if block.language in ("python", None) else " ".join(block.text.split())
        for block in answer.code
    )
