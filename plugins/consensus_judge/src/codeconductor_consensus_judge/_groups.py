"""Which answers say the same: by what they do on the task's examples where they can be run, else by their texts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from codeconductor import answer_shape, family_votes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Bench, Example, Outcome, Task

_PYTHON = frozenset({"python", "python3", "py"})
_COMPARED = frozenset({"returned", "raised", "printed"})
"""Outcomes that can be the same; a timeout, a crash and a missing entry point match nobody."""

_DIGITS = 9


async def groups_of(task: Task, answers: Sequence[Answer], bench: Bench) -> list[list[int]]:
    """Positions of the answers that say the same, the group with the most votes first.

    Args:
        answers: In an order that does not depend on their arrival; where some have code, the others are in no group.
    """
    wants_code = task.kind not in ("question", "call") and any(answer.code for answer in answers)
    among = [place for place, answer in enumerate(answers) if answer.code or not wants_code]
    shapes: dict[str, list[int]] = {}
    for place in among:
        shapes.setdefault(answer_shape(answers[place], task.language), []).append(place)
    if wants_code and len(shapes) > 1 and task.language in _PYTHON and _examples(task) and bench.can_run:
        groups = await _by_behaviour(task, answers, list(shapes.values()), bench)
    else:
        groups = list(shapes.values())
    votes = family_votes(answers, among, bench.weights)
    support = {group[0]: round(math.fsum(sorted(votes[place] for place in group)), _DIGITS) for group in groups}
    return sorted(groups, key=lambda group: (-support[group[0]], group))


def _examples(task: Task) -> Sequence[Example]:
    """What candidates can be called with."""
    return task.examples if task.entry_point is not None else ()


async def _by_behaviour(
    task: Task, answers: Sequence[Answer], groups: Sequence[list[int]], bench: Bench
) -> list[list[int]]:
    """Groups whose programs do the same on the task's examples put together; one program of each is run."""
    programs = [_program(answers[group[0]]) for group in groups]
    inputs = [_input(example, task.entry_point or "") for example in _examples(task)]
    rows = await bench.run(programs, inputs, task.entry_point or "")
    joined: dict[object, list[int]] = {}
    for number, (group, row) in enumerate(zip(groups, rows, strict=True)):
        joined.setdefault(_behaviour(row) or number, []).extend(group)
    return [sorted(group) for group in joined.values()]


def _behaviour(row: Sequence[Outcome]) -> tuple[tuple[str, str], ...] | None:
    """What can be compared with others; None: nothing."""
    return tuple((it.kind, it.value) for it in row) if row and all(it.kind in _COMPARED for it in row) else None


def _program(answer: Answer) -> str:
    own = [block.text for block in answer.code if block.language in (None, *_PYTHON)]
    return "\n".join(own or [block.text for block in answer.code])


def _input(example: Example, entry_point: str) -> str:
    """The source of a call's arguments; of a whole program, its standard input."""
    value = example.input
    if isinstance(value, str):
        return value
    if not entry_point:
        return "\n".join(map(str, value)) if isinstance(value, list) else str(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={item!r}" for name, item in value.items())
    return ", ".join(map(repr, value)) if isinstance(value, list) else repr(value)
