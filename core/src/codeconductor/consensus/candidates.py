"""Which answers are decided between: the usable ones, and in a conversation those that call what they may and must."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from codeconductor.dispatch import ToolCall
from codeconductor.errors import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor.consensus.values import Consensus
    from codeconductor.dispatch import Answer, Query
    from codeconductor.task import Task

_NAMED = 3
"""Models that an error message names at most."""


def must_call(task: Task) -> bool:
    """Whether only a function call is an answer."""
    return task.query is not None and task.query.tool_choice == "required"


def candidates(task: Task, answers: Sequence[Answer]) -> list[Answer]:
    """The usable answers, without calls that they may not make; where one is required, only those that call."""
    usable = [answer for answer in answers if answer.is_usable]
    query = task.query
    if query is None:
        return usable
    allowed = ((answer, query.permitted(answer.tool_calls)) for answer in usable)
    usable = [a if len(calls) == len(a.tool_calls) else attrs.evolve(a, tool_calls=calls) for a, calls in allowed]
    return [answer for answer in usable if (answer.tool_calls if must_call(task) else answer.is_usable)]


def texts(answers: Sequence[Answer]) -> list[Answer]:
    """The usable answers that say something: a model that knows no other way spells its call in its text."""
    return [attrs.evolve(a, tool_calls=()) for a in answers if a.is_usable and a.text.strip()]


def decided_calls(task: Task, consensus: Consensus) -> tuple[ToolCall, ...]:
    """The calls that a conversation's decision comes to: of the chosen answer, or else what its text spells."""
    query = task.query
    if query is None or not query.tools:
        return ()
    if consensus.choice is not None and consensus.choice.tool_calls:
        return query.permitted(consensus.choice.tool_calls)
    spelled = consensus.outcome.get("calls")
    if not isinstance(spelled, list) or not all(isinstance(one, Mapping) and one.get("name") for one in spelled):
        return ()
    return query.permitted(
        [ToolCall(name=str(one["name"]), arguments=json.dumps(one.get("arguments") or {})) for one in spelled]
    )


def none_will_do(query: Query, answers: Sequence[Answer]) -> NoAnswerError:
    """The error where each of the usable answers is other than a conversation wants: a text for a call, or the like."""
    names = list(dict.fromkeys(answer.model.id for answer in answers if answer.is_usable))
    who = ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
    if query.tool_choice == "required":
        return NoAnswerError(
            f"no model called a function, and a call is required ({who} did otherwise)",
            hint="ask models that can call functions, or leave it to them whether to call one",
        )
    lacks = "a text or a call that has a name" if query.tools else "a text, and no function may be called"
    return NoAnswerError(f"no model gave {lacks} ({who} did otherwise)", hint="ask again, or other models")
