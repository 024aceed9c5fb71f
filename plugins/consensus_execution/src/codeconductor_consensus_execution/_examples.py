"""Inputs whose results the task's author gives: examples beside the text, tests, and what the text says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeconductor_consensus_execution._cases import Case, asserted
from codeconductor_consensus_execution._literals import literal_source
from codeconductor_consensus_execution._prose import doctests, told
from codeconductor_consensus_execution._syntax import is_expression

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor import Task

    from codeconductor_consensus_execution._target import Target

MOST = 30
"""Examples of one task that are used."""


def cases_of(task: Task, target: Target) -> tuple[Case, ...]:
    """The examples of a task, those that its author gave apart first; one for every input."""
    found: dict[str, Case] = {}
    for case in (*_given(task, target), *asserted(task.tests, target), *told(task.text, target)):
        found.setdefault(case.input, case)
    return tuple(found.values())[:MOST]


def cases_in(text: str, target: Target) -> tuple[Case, ...]:
    """What a model claims in its own tests: the asserts in its code, and its doctests."""
    if target.is_program:
        return ()
    found: dict[str, Case] = {}
    for case in (*asserted(text, target), *doctests(text, target)):
        found.setdefault(case.input, case)
    return tuple(found.values())


def planned(text: str, target: Target) -> tuple[Case, ...]:
    """What a model says in words, in the tests of its plan: calls with what they should give."""
    return () if target.is_program else tuple(told(text, target))


def _given(task: Task, target: Target) -> Iterator[Case]:
    for example in task.examples:
        if target.is_program:
            yield Case(_text(example.input), _text(example.output), "printed")
            continue
        arguments = _arguments(example.input)
        if arguments is not None:
            yield Case(arguments, _result(example.output))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _arguments(value: Any) -> str | None:
    """The source of a call's arguments: it may be given as such, as a list, or by name."""
    if isinstance(value, list):
        return ", ".join(map(repr, value))
    if isinstance(value, dict):
        return ", ".join(f"{name}={item!r}" for name, item in value.items())
    if not isinstance(value, str):
        return repr(value)
    if is_expression(f"f({value}\n)"):
        return value
    lines = [line.strip() for line in value.strip().split("\n")]  # one argument a line
    return ", ".join(lines) if all(is_expression(line) for line in lines) else repr(value)


def _result(value: Any) -> str:
    if isinstance(value, str):
        return value.strip() if literal_source(value) is not None else repr(value)
    return repr(value)
