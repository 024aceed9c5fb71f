"""Makes a consensus of one answer that was chosen, and of the answers that say the same: votes, shares, signals."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from codeconductor.consensus.families import family_of
from codeconductor.consensus.record import posteriors
from codeconductor.consensus.values import Consensus, FieldConsensus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from codeconductor.consensus.values import Bench
    from codeconductor.dispatch import Answer, CodeBlock

_DIGITS = 12
"""Decimal places of a share: three thirds are one."""


def family_votes(
    answers: Sequence[Answer], among: Iterable[int] | None = None, weights: Mapping[str, float] | None = None
) -> dict[int, float]:
    """The vote of each answer, by its position: a family has one, divided among its answers that are counted.

    With a single family every answer has a whole vote, as there is nobody else to listen to.

    Args:
        among: Positions of the answers that are counted; None: all.
        weights: Weight by model id, by which an answer's part is multiplied; a model without one has the weight 1.
    """
    families: dict[str, list[int]] = {}
    for place in range(len(answers)) if among is None else among:
        families.setdefault(family_of(answers[place].model.name), []).append(place)
    alone = len(families) == 1
    known = weights or {}
    return {
        place: (1.0 if alone else 1.0 / len(members)) * max(0.0, known.get(answers[place].model.id, 1.0))
        for members in families.values()
        for place in members
    }


def consensus_on(
    answers: Sequence[Answer],
    groups: Sequence[Sequence[int]],
    choice: int,
    bench: Bench,
    *,
    explanation: str,
    code: Sequence[CodeBlock] | None = None,
    signals: Mapping[str, float] | None = None,
) -> Consensus:
    """A decision for one recorded answer; its agreement is the share of votes of those that say the same.

    A family has one vote; weights choose and do not count here, so that agreement means the same in every strategy.

    Args:
        answers: All that are usable.
        groups: Positions of the answers that say the same, for each of what is said; answers in none cannot be
            counted.
        choice: Position of the answer that was chosen; it is in one of the groups.
        bench: With the track record.
        explanation: As in a `Consensus`.
        code: The program of the choice; None: all of its blocks.
        signals: Further ones; they win.
    """
    votes = family_votes(answers)
    total = math.fsum(sorted(votes.values()))
    shares = [round(math.fsum(sorted(votes[place] for place in group)) / total, _DIGITS) for group in groups]
    mine = next(number for number, group in enumerate(groups) if choice in group)
    agreement = min(1.0, shares[mine])
    taken = tuple(answers[choice].code if code is None else code)
    models = sorted({answers[place].model.id for place in groups[mine]})
    return Consensus(
        outcome=_outcome(answers[choice], taken),
        agreement=agreement,
        choice=answers[choice],
        fields=(FieldConsensus(name="code", value=taken, support=agreement, models=models),) if taken else (),
        explanation=explanation,
        signals={**_signals(answers, groups, shares, mine, bench), **(signals or {})},
    )


def _outcome(answer: Answer, code: tuple[CodeBlock, ...]) -> dict[str, Any]:
    """An answer's own plan or value, its code, its calls; its text where it has nothing of these."""
    found: dict[str, Any] = {**(answer.data or {}), **({"code": code} if code else {})}
    if answer.tool_calls and not found:
        found["calls"] = [{"name": call.name, "arguments": _read(call.arguments)} for call in answer.tool_calls]
    return found or {"text": answer.text}


def _read(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments


def _signals(
    answers: Sequence[Answer], groups: Sequence[Sequence[int]], shares: Sequence[float], mine: int, bench: Bench
) -> dict[str, float]:
    """As `Consensus.signals` describes them."""
    counted = [place for group in groups for place in group]
    families = len({family_of(answers[place].model.name) for place in counted})
    rates = bench.record.rates if bench.record.tasks else {}
    found = {
        "families": float(families if families > 1 else len(counted)),
        "share": shares[mine],
        "margin": shares[mine] - max((it for number, it in enumerate(shares) if number != mine), default=0.0),
        "groups": float(len(groups)),
        "posterior": posteriors(_parts(answers, groups), rates)[mine],
        "failed": round(max(0.0, 1 - math.fsum(shares)), _DIGITS),
    }
    if rates:
        found["rate"] = max(rates.get(answers[place].model.id, 0.5) for place in groups[mine])
    return found


def _parts(answers: Sequence[Answer], groups: Sequence[Sequence[int]]) -> list[dict[str, float]]:
    """For each group the share of its own answers that each model has in it, by its id."""
    total = Counter(answer.model.id for answer in answers)
    among = (Counter(answers[place].model.id for place in group) for group in groups)
    return [{model: count / total[model] for model, count in sorted(counts.items())} for counts in among]
