"""The strategies: `execution`, `mbr`, `codet` and `b4` run the candidates and choose by what they do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Bench, Consensus, Task

CALIBRATIONS = Path(__file__).with_name("calibration.json")
"""For code, as `execution` decides it; `benchmarks/calibration.py code` makes it."""

FIT = 40
"""How well it suits Python that can be run; a majority suits anything with 10."""


class _Running:
    """What runs code is imported when a decision is asked for: most runs ask another strategy, and all list this."""

    name = ""
    decides = "code"

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Run the candidates and choose; where nothing can be run, choose by the texts and say so."""
        from codeconductor_consensus_execution._decision import decided

        return await decided(task, answers, bench, self.name)


class Execution(_Running):
    """The answer whose code does what most others do, of those that pass the examples.

    The given examples filter first (AlphaCode, Li et al. 2022). Of the rest each has as many points as votes do the
    same on an input, on average over the inputs that count (MBR-EXEC, Shi et al. 2022); a model family has one vote,
    divided among its answers and multiplied by its models' weights.
    """

    name = "execution"
    calibrations = CALIBRATIONS

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> int | None:
        """Different Python programs with an entry point that can be called, where there is a sandbox.

        The sandbox is looked for last: that takes a few tenths of a second.
        """
        if task.language != "python" or task.kind in ("question", "call"):
            return None
        if len({tuple(block.text for block in answer.code) for answer in answers if answer.code}) < 2:
            return None
        from codeconductor_consensus_execution._target import guessed, target_of

        return FIT if (target_of(task) or guessed(task, answers)) and bench.can_run else None


class MBR(_Running):
    """The answer whose code does what most others do; the given examples are inputs like others (MBR-EXEC, 2022)."""

    name = "mbr"

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> None:
        """Only when it is asked for by name: `execution` knows more."""


class CodeT(_Running):
    """Those that pass the same tests are a group; its points are its votes times its tests (CodeT, Chen et al. 2022).

    The tests are those that the models wrote into their answers, and what the candidates return for the inputs.
    """

    name = "codet"

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> None:
        """Only when it is asked for by name."""


class B4(_Running):
    """As `codet`, but groups are rated by their posterior under Beta priors (B4, Chen et al., ASE 2024)."""

    name = "b4"

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> None:
        """Only when it is asked for by name."""
