"""What all the answers hold: plans, programs, values and prose, each by the number of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor_consensus_majority._calls import Call, calls_of
from codeconductor_consensus_majority._clusters import Said, clusters
from codeconductor_consensus_majority._programs import Program, program_of
from codeconductor_consensus_majority._proposals import Plan, read_plan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor import Answer, Task

    from codeconductor_consensus_majority._votes import Ballot

_LONGEST_PROSE = 300
"""Characters of the longest text that is compared by its words; of a longer one only case and blanks do not count."""


def plans_of(ballot: Ballot) -> dict[int, Plan]:
    """The plans, of those answers that have one."""
    read = ((i, read_plan(answer.data)) for i, answer in enumerate(ballot.answers))
    return {i: plan for i, plan in read if plan is not None}


def programs_of(task: Task, ballot: Ballot) -> dict[int, Program]:
    """The programs, of those answers that have one."""
    shapes: dict[tuple[str, str], str | None] = {}
    read = ((i, program_of(answer, task, shapes)) for i, answer in enumerate(ballot.answers))
    return {i: program for i, program in read if program is not None}


def is_question(task: Task) -> bool:
    """Whether the answer is a value or a few words."""
    return task.kind == "question"


def is_short(task: Task) -> bool:
    """Whether answers are values that are the same or not: to a question, or function calls."""
    return is_question(task) or wants_calls(task)


def wants_calls(task: Task) -> bool:
    """Whether the answers are function calls; recorded tasks have that kind too."""
    kind: str = task.kind
    return kind == "call"


def may_say(task: Task) -> bool:
    """Whether a text is an answer where functions are offered: in a conversation that requires no call."""
    return task.query is not None and task.query.tool_choice != "required"


def calls_in(task: Task, answer: Answer) -> tuple[Call, ...]:
    """The calls of an answer, in its order.

    In a conversation a text may be meant as one: what its words spell counts only as calls of functions that were
    offered.
    """
    found = calls_of(answer, spoken=wants_calls(task))
    if task.query is None or answer.tool_calls:
        return found
    offered = {str(schema.get("function", schema).get("name")) for schema in task.functions}
    return found if all(call.name in offered for call in found) else ()


def answers_of(task: Task, ballot: Ballot) -> tuple[dict[int, str], list[list[int]], dict[int, str]]:
    """(What each answers to the question, those with the same value put together, those that are prose)."""
    # here, as a task of code, which needs none of it, waits some milliseconds for its regular expressions
    from codeconductor_consensus_majority._values import Values, said_by

    said = {i: text for i, answer in enumerate(ballot.answers) if (text := said_by(answer))}
    values = Values(task.text, said.values())
    groups: dict[str, list[int]] = {}
    prose: dict[int, str] = {}
    for i, text in said.items():
        value = values.normal(text)
        if value is None:
            prose[i] = text
        else:
            groups.setdefault(value, []).append(i)
    return said, list(groups.values()), prose


def same_prose(texts: Mapping[int, str], ballot: Ballot) -> list[list[int]]:
    """Texts that say the same."""
    groups: dict[str, list[int]] = {}
    short = [Said(text=text, backer=i) for i, text in texts.items() if len(text) <= _LONGEST_PROSE]
    for i, text in texts.items():
        if len(text) > _LONGEST_PROSE:
            groups.setdefault(" ".join(text.casefold().split()), []).append(i)
    return [*(sorted(cluster.backers) for cluster in clusters(short, ballot)), *groups.values()]
