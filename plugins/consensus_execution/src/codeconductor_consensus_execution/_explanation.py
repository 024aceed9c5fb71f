"""Tells in a sentence or two how running the candidates led to the choice, or why none was run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import family_of

from codeconductor_consensus_execution._target import guessed, target_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codeconductor import Answer, Bench, Task

    from codeconductor_consensus_execution._trial import Trial


def explain(trial: Trial, groups: Sequence[Sequence[int]], mine: Sequence[int], answers: Sequence[Answer]) -> str:
    """What was run, who passed, and who does the same."""
    count = len(answers)
    programs = len({program.shape for program in trial.programs if program is not None})
    ran = f"{programs} different programs in {count} answers were run"
    parts = [ran if programs > 1 else f"1 program in {_counted(count, 'answer')} was run"]
    if trial.cases:
        passing = sum(passed == len(trial.cases) for passed in trial.passed)
        parts.append(f"{passing} pass {_counted(len(trial.cases), 'given example')}" + ("" if passing else " in full"))
    if trial.inputs:
        parts.append(f"{_counted(len(trial.sound), 'input')} of {len(trial.inputs)} made up counted")
    left = [group for group in groups if set(group) & set(trial.left)]
    families = len({family_of(answers[place].model.name) for place in mine})
    parts.append(f"{len(mine)} of {len(trial.left)} that were left ({_families(families)}) do the same")
    if len(left) > 1:
        parts.append(f"{_counted(len(left), 'group')} behave differently")
    if trial.unstable:
        parts.append(f"{_named(trial.unstable, answers)} did not do the same twice")
    missing = [place for place, program in enumerate(trial.programs) if program is None]
    if missing:
        parts.append(
            f"{_named(missing, answers)} gave no program with {trial.target.entry_point or 'input and output'}"
        )
    return "; ".join(parts) + "."


def why_not(task: Task, answers: Sequence[Answer], bench: Bench) -> str:
    """Why nothing could be run."""
    if not bench.can_run:
        return "there is no sandbox, or running is forbidden"
    if task.language not in ("python", None):
        return f"only Python can be run, and this is {task.language}"
    if target_of(task) is None and guessed(task, answers) is None:
        return "the task names no entry point, and the answers define none in common"
    return "no answer has a program with the entry point"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _families(number: int) -> str:
    return "1 model family" if number == 1 else f"{number} model families"


def _named(places: Iterable[int], answers: Sequence[Answer]) -> str:
    return ", ".join(sorted({answers[place].model.id for place in places}))
