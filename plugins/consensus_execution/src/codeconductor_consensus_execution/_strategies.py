"""The strategies: `execution`, `mbr`, `codet` and `b4` run the candidates and choose by what they do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from codeconductor import CodeBlock, Consensus, consensus_on, family_votes

from codeconductor_consensus_execution._central import centrality
from codeconductor_consensus_execution._clusters import agreement_of, clusters_of
from codeconductor_consensus_execution._explanation import explain, why_not
from codeconductor_consensus_execution._signals import signals_of
from codeconductor_consensus_execution._target import guessed, target_of
from codeconductor_consensus_execution._tests import dual_agreement, passes_of, posterior
from codeconductor_consensus_execution._trial import Trial, tried
from codeconductor_consensus_execution._unrun import unrun
from codeconductor_consensus_execution._witness import witness_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor import Answer, Bench, Task

CALIBRATIONS = Path(__file__).with_name("calibration.json")
"""For code, as `execution` decides it; `benchmarks/calibration.py code` makes it."""

FIT = 40
"""How well it suits Python that can be run; a majority suits anything with 10."""


class _Running(ABC):
    """Runs the candidates once, rates them, and breaks ties: a subclass says how it rates."""

    decides = "code"
    filters = True
    """Whether only those that pass most of the given examples are left."""

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Run the candidates and choose; where nothing can be run, choose by the texts and say so."""
        ordered = sorted(answers, key=lambda answer: (answer.model.id, answer.sample, answer.text))
        trial = await tried(task, ordered, bench, filters=self.filters)
        if trial is None:
            return unrun(ordered, bench, why_not(task, ordered, bench))
        votes = family_votes(ordered, trial.left, bench.weights)
        rated = await self._rated(trial, votes, bench)
        return _concluded(trial, ordered, rated, bench)

    @abstractmethod
    async def _rated(self, trial: Trial, votes: Mapping[int, float], bench: Bench) -> dict[int, float]:
        """A number for each answer that is left; the highest wins."""


class Execution(_Running):
    """The answer whose code does what most others do, of those that pass the examples.

    The given examples filter first (AlphaCode, Li et al. 2022). Of the rest each has as many points as votes do the
    same on an input, on average over the inputs that count (MBR-EXEC, Shi et al. 2022); a model family has one vote,
    divided among its answers and multiplied by its models' weights.
    """

    name = "execution"
    calibrations = CALIBRATIONS

    async def _rated(self, trial: Trial, votes: Mapping[int, float], bench: Bench) -> dict[int, float]:
        return agreement_of(trial, votes)

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> int | None:
        """Different Python programs with an entry point that can be called, where there is a sandbox.

        The sandbox is looked for last: that takes a few tenths of a second.
        """
        if task.language != "python" or task.kind in ("question", "call"):
            return None
        if len({tuple(block.text for block in answer.code) for answer in answers if answer.code}) < 2:
            return None
        return FIT if (target_of(task) or guessed(task, answers)) and bench.can_run else None


class MBR(_Running):
    """The answer whose code does what most others do; the given examples are inputs like others (MBR-EXEC, 2022)."""

    name = "mbr"
    filters = False

    async def _rated(self, trial: Trial, votes: Mapping[int, float], bench: Bench) -> dict[int, float]:
        return agreement_of(trial, votes)

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> None:
        """Only when it is asked for by name: `execution` knows more."""


class CodeT(_Running):
    """Those that pass the same tests are a group; its points are its votes times its tests (CodeT, Chen et al. 2022).

    The tests are those that the models wrote into their answers, and what the candidates return for the inputs.
    """

    name = "codet"

    async def _rated(self, trial: Trial, votes: Mapping[int, float], bench: Bench) -> dict[int, float]:
        return dual_agreement(await passes_of(trial, bench), votes)

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> None:
        """Only when it is asked for by name."""


class B4(_Running):
    """As `codet`, but groups are rated by their posterior under Beta priors (B4, Chen et al., ASE 2024)."""

    name = "b4"

    async def _rated(self, trial: Trial, votes: Mapping[int, float], bench: Bench) -> dict[int, float]:
        return posterior(await passes_of(trial, bench), votes)

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> None:
        """Only when it is asked for by name."""


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
