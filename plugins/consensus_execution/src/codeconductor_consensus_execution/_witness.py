"""The smallest input on which two groups of candidates differ, and what each of them did, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeconductor import Witness, WitnessOption

from codeconductor_consensus_execution._outcomes import classified
from codeconductor_consensus_execution._values import decoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Outcome

    from codeconductor_consensus_execution._trial import Trial

LONGEST = 400
"""Characters of an input or a result that are shown."""


def witness_of(trial: Trial, groups: Sequence[Sequence[int]], answers: Sequence[Answer]) -> Witness | None:
    """What tells the first two groups apart; None with one group, or where no input does that both were given.

    Inputs that count go before those that most candidates refuse; of several the shortest is taken.
    """
    if len(groups) < 2:
        return None
    first, second = groups[0], groups[1]
    one, other = trial.outcomes[first[0]], trial.outcomes[second[0]]
    inputs = [*(case.input for case in trial.cases), *trial.inputs]
    sound = {*range(len(trial.cases)), *(len(trial.cases) + place for place in trial.sound)}
    differing = [
        (place not in sound, len(inputs[place]), place)
        for place, pair in enumerate(zip(one, other, strict=False))
        if _differ(*pair)
    ]
    if not differing:
        return None
    place = min(differing)[-1]
    call = inputs[place] if trial.target.is_program else f"{trial.target.entry_point}({inputs[place]})"
    return Witness(
        input=_cut(call),
        options=[
            WitnessOption(
                result=told(outcomes[place]), models=sorted({answers[it].model.id for it in group}), answers=len(group)
            )
            for outcomes, group in ((one, first), (other, second))
        ],
    )


def _differ(one: Outcome, other: Outcome) -> bool:
    (first,), (second,) = classified([[one], [other]]).rows
    return first is None or first != second


def told(outcome: Outcome) -> str:
    """An outcome in words: the result as Python writes it, or what happened instead."""
    match outcome.kind:
        case "returned":
            shown = _shown(decoded(outcome.value), 0)
            if outcome.arguments is not None and outcome.value == "null":
                return _cut(f"{shown}, and leaves the arguments as {_shown(decoded(outcome.arguments), 0)}")
            return _cut(shown)
        case "raised":
            return f"raises {outcome.value}"
        case "printed":
            return _cut(f"prints {outcome.value!r}")
        case "timeout":
            return "takes too long"
        case "died":
            return "ends the process"
        case "absent":
            return "has no such function"
        case _:
            return "returns what cannot be shown"


_BRACKETS = {"list": ("[", "]"), "tuple": ("(", ")"), "set": ("{", "}")}


def _shown(value: Any, depth: int) -> str:
    """A canonical form as Python writes the value."""
    if depth > 20:
        return "…"
    if not isinstance(value, list):
        return repr(value)
    if len(value) == 2 and value[0] in ("float", "int", "Decimal", "Fraction") and isinstance(value[1], str):
        return value[1]
    if len(value) == 2 and isinstance(value[1], list) and value[0] == "dict":
        pairs = [(_shown(pair[0], depth + 1), _shown(pair[1], depth + 1)) for pair in value[1]]
        return "{" + ", ".join(f"{key}: {held}" for key, held in pairs) + "}"
    if len(value) == 2 and isinstance(value[1], list):
        items = ", ".join(_shown(it, depth + 1) for it in value[1])
        brackets = _BRACKETS.get(value[0])
        opened, closed = brackets if brackets is not None else (f"{value[0]}(", ")")
        return f"{opened}{items}{',' if value[0] == 'tuple' and len(value[1]) == 1 else ''}{closed}"
    return " ".join(_shown(it, depth + 1) if isinstance(it, list) else str(it) for it in value)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
