"""Which answers say the same as a given one: who stands behind the model that decides alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor_consensus_majority._calls import key_of
from codeconductor_consensus_majority._proposals import agree
from codeconductor_consensus_majority._reading import answers_of, calls_in, plans_of, programs_of, same_prose

if TYPE_CHECKING:
    from codeconductor import Task

    from codeconductor_consensus_majority._decision import Subject
    from codeconductor_consensus_majority._signals import Sides
    from codeconductor_consensus_majority._votes import Ballot


def sides_of(task: Task, ballot: Ballot, subject: Subject) -> Sides:
    """The answers that gave the same value, for each value, as in a `Decision`; none where no values are compared."""
    if subject == "answer":
        return tuple(map(tuple, answers_of(task, ballot)[1]))
    if subject != "calls":
        return ()
    groups: dict[str, list[int]] = {}
    for i, answer in enumerate(ballot.answers):
        if calls := calls_in(task, answer):
            groups.setdefault(key_of(calls), []).append(i)
    return tuple(map(tuple, groups.values()))


def alike(task: Task, ballot: Ballot, choice: int, subject: Subject) -> list[int]:
    """The answers that say the same as one of them, on the subject."""
    if subject == "answer":
        _, groups, prose = answers_of(task, ballot)
        return next(group for group in [*groups, *same_prose(prose, ballot)] if choice in group)
    if subject == "text":
        texts = {i: answer.text.strip() for i, answer in enumerate(ballot.answers)}
        return next(group for group in same_prose(texts, ballot) if choice in group)
    if subject == "calls":
        keys = {i: key_of(calls_in(task, a)) for i, a in enumerate(ballot.answers)}
        return [i for i, key in keys.items() if key == keys[choice]]
    if subject == "plan":
        return next(
            (sorted(group) for group in agree(plans_of(ballot), ballot).approaches if choice in group), [choice]
        )
    programs = programs_of(task, ballot)
    return [i for i, program in programs.items() if program.shape == programs[choice].shape]
