"""Runs the candidates once, rates them, and breaks ties: what all four strategies have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from codeconductor import CodeBlock, Consensus, consensus_on, family_votes

from codeconductor_consensus_execution._central import centrality
from codeconductor_consensus_execution._clusters import agreement_of, clusters_of
from codeconductor_consensus_execution._explanation import explain, why_not
from codeconductor_consensus_execution._signals import signals_of
from codeconductor_consensus_execution._tests import dual_agreement, passes_of, posterior
from codeconductor_consensus_execution._trial import Trial, tried
from codeconductor_consensus_execution._unrun import unrun
from codeconductor_consensus_execution._witness import witness_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor import Answer, Bench, Task


async def decided(task: Task, answers: Sequence[Answer], bench: Bench, strategy: str) -> Consensus:
    """Run the candidates and choose; where nothing can be run, choose by the texts and say so.

    Args:
        strategy: Who rates: ``execution``, ``mbr``, ``codet`` or ``b4``.
    """
    ordered = sorted(answers, key=lambda answer: (answer.model.id, answer.sample, answer.text))
    trial = await tried(task, ordered, bench, filters=strategy != "mbr")
    if trial is None:
        return unrun(ordered, bench, why_not(task, ordered, bench))
    votes = family_votes(ordered, trial.left, bench.weights)
    if strategy in ("execution", "mbr"):
        rated = agreement_of(trial, votes)
    else:
        rate = dual_agreement if strategy == "codet" else posterior
        rated = rate(await passes_of(trial, bench), votes)
    return _concluded(trial, ordered, rated, bench)


def _concluded(trial: Trial, answers: Sequence[Answer], rated: Mapping[int, float], bench: Bench) -> Consensus:
    choice = _chosen(trial, answers, rated, bench.weights)
    votes = family_votes(answers)
    groups = clusters_of(trial, votes)
    mine = next(group for group in groups if choice in group)
    program = trial.programs[choice]
    code = _blocks(answers[choice], program.code if program is not None else "")
    others = [group for group in groups if group != mine]
    witness = witness_of(trial, [mine, *others], answers)
    explanation = explain(trial, groups, mine, answers)
    signals = signals_of(trial, choice, votes)
    consensus = consensus_on(answers, groups, choice, bench, code=code, explanation=explanation, signals=signals)
    return attrs.evolve(consensus, witness=witness)


def _chosen(trial: Trial, answers: Sequence[Answer], rated: Mapping[int, float], weights: Mapping[str, float]) -> int:
    """The best rated answer; between equals one with the entry point under its name, then by weight, then by text."""
    best = max(rated.values())
    level = [place for place, points in rated.items() if points == best]
    level = [place for place in level if not _is_repaired(trial, place)] or level
    heaviest = max(weights.get(answers[place].model.id, 1.0) for place in level)
    level = [place for place in level if weights.get(answers[place].model.id, 1.0) == heaviest]
    codes = [program.code if program is not None else "" for program in trial.programs]
    central = centrality(codes, level) if len(level) > 1 else dict.fromkeys(level, 0.0)
    return min(level, key=lambda place: (-central[place], codes[place], place))


def _is_repaired(trial: Trial, place: int) -> bool:
    program = trial.programs[place]
    return program is None or program.repaired


def _blocks(answer: Answer, code: str) -> tuple[CodeBlock, ...]:
    """The answer's own block, where the program is one; else the program as a block."""
    same = [block for block in answer.code if block.text.strip() == code.strip()]
    return tuple(same[:1]) or (CodeBlock(language="python", text=code.strip("\n") + "\n"),)
