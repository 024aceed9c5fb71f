"""Which outcomes are the same behaviour: results in classes, one number a class, input by input."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from codeconductor import frozen

from codeconductor_consensus_execution._values import same_print, same_value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Outcome

Row: TypeAlias = tuple[int | None, ...]
"""The class of each outcome of one program; None matches nobody, not even another None."""

_NONE = "null"
"""The canonical form of None, which a function returns that changes its arguments in place."""


@frozen
class Table:
    """What programs did, in classes.

    Attributes:
        rows: One a program.
        failing: For each input the classes that are exceptions.
    """

    rows: tuple[Row, ...]
    failing: tuple[frozenset[int], ...]


def classified(outcomes: Sequence[Sequence[Outcome]]) -> Table:
    """Put outcomes into classes.

    Floats have a tolerance, which is not transitive: each class has a representative, the first member, that all others
    are compared with. Exceptions are one by their class alone. A program that took too long, died, lacks the entry
    point, or gave what cannot be read matches nobody. What was done to the arguments counts where some program returns
    None and changes them.

    Args:
        outcomes: A row a program, all of one length.
    """
    width = len(outcomes[0]) if outcomes else 0
    columns = [_column([row[place] for row in outcomes]) for place in range(width)]
    rows = tuple(tuple(classes[program] for classes, _ in columns) for program in range(len(outcomes)))
    return Table(rows=rows, failing=tuple(failing for _, failing in columns))


def _column(outcomes: Sequence[Outcome]) -> tuple[list[int | None], frozenset[int]]:
    in_place = any(it.kind == "returned" and it.value == _NONE and it.arguments is not None for it in outcomes)
    representatives: list[Outcome] = []
    exact: dict[Outcome, int] = {}
    classes: list[int | None] = []
    for outcome in outcomes:
        if outcome.kind not in ("returned", "raised", "printed"):
            classes.append(None)
            continue
        if outcome not in exact:
            same = (place for place, it in enumerate(representatives) if _same(it, outcome, in_place))
            exact[outcome] = next(same, len(representatives))
            if exact[outcome] == len(representatives):
                representatives.append(outcome)
        classes.append(exact[outcome])
    return classes, frozenset(place for place, it in enumerate(representatives) if it.kind == "raised")


def _same(one: Outcome, other: Outcome, in_place: bool) -> bool:
    if one.kind != other.kind:
        return False
    if one.kind == "raised":
        return one.value == other.value
    if one.kind == "printed":
        return same_print(one.value, other.value)
    if not same_value(one.value, other.value):
        return False
    return not in_place or one.arguments == other.arguments or _both_changed(one, other)


def _both_changed(one: Outcome, other: Outcome) -> bool:
    return one.arguments is not None and other.arguments is not None and same_value(one.arguments, other.arguments)


def same_twice(one: Outcome, other: Outcome) -> bool:
    """Whether a program did the same when it was asked the same twice; too little time may be enough the other time."""
    (first,), (second,) = classified([[one], [other]]).rows
    return first is None or second is None or first == second
