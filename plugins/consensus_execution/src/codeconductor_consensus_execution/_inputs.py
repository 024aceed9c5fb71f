"""Makes inputs for a function: mutations of the examples, boundaries, and values drawn for its signature, by a seed."""

from __future__ import annotations

import ast
import random
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor_consensus_execution._constraints import Constraints, constraints_of
from codeconductor_consensus_execution._kinds import (
    LETTERS,
    Kind,
    constrained,
    kind_of_annotation,
    kind_of_name,
    kind_of_values,
)
from codeconductor_consensus_execution._syntax import parse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from codeconductor_consensus_execution._target import Parameter

LONGEST_DRAWN = 8
"""Items of a container, or letters of a text, that is made up; large enough to go wrong in, small enough to read."""

LARGEST_DRAWN = 60
"""Of numbers that nothing is said about, in most draws."""

MOST_SOURCE = 4_000
"""Characters of one input's source; the sandbox is given no bulk."""


def make_inputs(
    text: str, parameters: Sequence[Parameter], examples: Sequence[str], *, seed: int, count: int
) -> tuple[str, ...]:
    """Sources of arguments, all different from each other and from the examples; the same for the same seed.

    Args:
        text: The task's, for what it says of the inputs.
        parameters: Of the entry point.
        examples: Sources of arguments that are known to be meant.
        seed: Of everything that is drawn.
        count: How many at most; fewer where fewer can be made up.
    """
    rng = random.Random(seed)  # noqa: S311 - nothing here is a secret
    known = [values for source in examples if (values := arguments_of(source, parameters)) is not None]
    needed = [it for it in parameters if not it.optional or any(it.name in values for values in known)]
    constraints = constraints_of(text)
    beside = {it.name for it in needed}
    kinds = {it.name: _kind(it, known, constraints, beside) for it in needed}
    made: dict[str, None] = {}
    taken = set(examples) | {_source(values, parameters) for values in known}
    for values in _made(rng, kinds, known, count):
        source = _source(values, parameters)
        if source not in taken and len(source) <= MOST_SOURCE:
            made.setdefault(source)
        if len(made) >= count:
            break
    return tuple(made)


def arguments_of(source: str, parameters: Sequence[Parameter]) -> dict[str, Any] | None:
    """The values by parameter that a source of arguments stands for; None where it is more than literals."""
    tree, _ = parse(f"f({source}\n)")
    call = tree.body[0].value if tree is not None and tree.body and isinstance(tree.body[0], ast.Expr) else None
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or len(call.args) > len(parameters):
        return None
    try:
        values = {it.name: ast.literal_eval(node) for it, node in zip(parameters, call.args, strict=False)}
        values |= {it.arg: ast.literal_eval(it.value) for it in call.keywords if it.arg}
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None
    return values if set(values) <= {it.name for it in parameters} else None


def _source(values: dict[str, Any], parameters: Sequence[Parameter]) -> str:
    parts: list[str] = []
    named = False
    for parameter in parameters:
        if parameter.name not in values:
            named = True
            continue
        value = repr(values[parameter.name])
        parts.append(f"{parameter.name}={value}" if named else value)
    return ", ".join(parts)


def _kind(
    parameter: Parameter, known: Sequence[dict[str, Any]], constraints: Constraints, beside: Collection[str]
) -> Kind:
    seen = kind_of_values([values[parameter.name] for values in known if parameter.name in values])
    hinted = kind_of_annotation(parameter.annotation) if parameter.annotation else None
    # `a` alone is an array for many; beside `b` it is a number as that is
    name = "b" if parameter.name == "a" and "b" in beside else parameter.name
    kind = seen if seen is not None and seen.name != "none" else hinted or kind_of_name(name)
    if hinted is not None and kind is seen and hinted.name == "float" and kind.name == "int":
        kind = attrs.evolve(kind, name="float")
    return constrained(kind, parameter.name, constraints)


def _made(
    rng: random.Random, kinds: dict[str, Kind], known: Sequence[dict[str, Any]], count: int
) -> Iterator[dict[str, Any]]:
    """Half of them near to the examples, where there are any; the rest drawn, with a boundary in one place at times."""
    if not kinds:
        return
    names = list(kinds)
    for _ in range(count * 6):
        if known and rng.random() < 0.6:
            values = dict(rng.choice(known))
            for _ in range(rng.choice((1, 1, 2, 3))):
                name = rng.choice(names)
                values[name] = _mutated(rng, values.get(name), kinds[name])
        else:
            values = {name: _drawn(rng, kind) for name, kind in kinds.items()}
        if rng.random() < 0.15:
            name = rng.choice(names)
            values[name] = _boundary(rng, kinds[name])
        yield values


def _number_range(kind: Kind) -> tuple[int, int]:
    if kind.firm:
        return int(kind.low), int(min(kind.high, max(kind.low + LARGEST_DRAWN, 2)))
    reach = max(abs(kind.low), abs(kind.high), 10)
    return int(kind.low if kind.low < 0 else min(kind.low, 0)), int(reach * 1.5)


def _drawn(rng: random.Random, kind: Kind, depth: int = 0) -> Any:
    match kind.name:
        case "int":
            low, high = _number_range(kind)
            if rng.random() < 0.5:
                high = min(high, max(low + 1, low + 10))
            return rng.randint(low, max(low, high))
        case "float":
            if kind.seen and rng.random() < 0.4:
                return rng.choice(kind.seen)
            low, high = _number_range(kind)
            return round(rng.uniform(low, max(low, high)), rng.choice((0, 1, 2)))
        case "bool":
            return rng.random() < 0.5
        case "none":
            return None
        case "str":
            if kind.seen and rng.random() < 0.3:
                return _shuffled_text(rng, str(rng.choice(kind.seen)))
            letters = kind.alphabet or LETTERS
            if rng.random() < 0.5:
                letters = "".join(rng.sample(letters, min(len(letters), 3)))
            return "".join(rng.choice(letters) for _ in range(_length(rng, kind)))
        case "list" | "set":
            items = [_drawn(rng, kind.items[0], depth + 1) for _ in range(_length(rng, kind, depth))]
            if items and not kind.fixed and rng.random() < 0.2:
                items.append(rng.choice(items))
            return set(items) if kind.name == "set" and _hashable(items) else items
        case "tuple":
            return tuple(_drawn(rng, item, depth + 1) for item in kind.items)
        case "dict":
            keys = [_drawn(rng, kind.items[0], depth + 1) for _ in range(_length(rng, kind, depth))]
            return {key: _drawn(rng, kind.items[1], depth + 1) for key in keys if _hashable([key])}


def _hashable(items: Sequence[Any]) -> bool:
    try:
        hash(tuple(items))
    except TypeError:
        return False
    return True


def _length(rng: random.Random, kind: Kind, depth: int = 0) -> int:
    low = int(kind.low) if kind.firm else (0 if not depth else min(1, int(kind.low)))
    high = min(int(kind.high), LONGEST_DRAWN) if kind.firm else max(3, min(int(kind.high) + 1, LONGEST_DRAWN))
    if kind.fixed:
        return int(kind.high)
    return rng.randint(low, max(low, high)) if low <= 200 else 200


def _boundary(rng: random.Random, kind: Kind) -> Any:
    match kind.name:
        case "int":
            firm = [int(kind.low), int(kind.low) + 1, int(min(kind.high, 10**4))]
            return rng.choice(firm if kind.firm else [0, 1, 2, *([-1] if kind.low < 0 else []), 100])
        case "float":
            return rng.choice([0.0, 1.0, 0.5])
        case "str":
            least = max(int(kind.low), 0) if kind.firm else 0
            return (kind.alphabet or LETTERS)[:1] * rng.choice([least, least + 1, 3])
        case "list":
            least = int(kind.low) if kind.firm else 0
            item = _drawn(rng, kind.items[0], 1)
            return [item] * min(rng.choice([least, least + 1, 3]), 200)
        case "dict":
            return {}
        case _:
            return _drawn(rng, kind)


def _mutated(rng: random.Random, value: Any, kind: Kind) -> Any:
    """The value with one part changed, of the same type and much the same shape."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        changed = rng.choice(
            [value + 1, value - 1, value * 2, value // 2, value + rng.randint(-10, 10), _drawn_int(rng, kind)]
        )
        return _within(changed, kind, floor=0 if value >= 0 else None)
    if isinstance(value, float):
        return rng.choice([value + 1, value - 0.5, value * 2, -value if kind.low < 0 else value, float(round(value))])
    if isinstance(value, str):
        return _mutated_text(rng, value, kind)
    if isinstance(value, list | tuple):
        changed_items = _mutated_items(rng, list(value), kind)
        return tuple(changed_items) if isinstance(value, tuple) else changed_items
    if isinstance(value, dict) and value:
        key = rng.choice(sorted(value, key=repr))
        rest = {name: item for name, item in value.items() if name != key}
        if rng.random() < 0.3:
            return rest
        return {**rest, key: _mutated(rng, value[key], kind.items[1] if kind.name == "dict" else kind)}
    return _drawn(rng, kind)


def _drawn_int(rng: random.Random, kind: Kind) -> int:
    low, high = _number_range(kind) if kind.name in ("int", "float") else (0, 10)
    return rng.randint(low, max(low, high))


def _within(number: int, kind: Kind, floor: int | None) -> int:
    if kind.firm and kind.name in ("int", "float"):
        return int(max(kind.low, min(kind.high, number)))
    return number if floor is None or kind.low < 0 else max(floor, number)


def _mutated_text(rng: random.Random, value: str, kind: Kind) -> str:
    letters = (kind.alphabet if kind.name == "str" else "") or LETTERS
    at = rng.randrange(len(value) + 1)
    if kind.fixed and value:
        at = rng.randrange(len(value))
        return value[:at] + rng.choice(letters) + value[at + 1 :]
    match rng.randrange(6):
        case 0:
            return _shuffled_text(rng, value)
        case 1 if len(value) > (kind.low if kind.firm else 0):
            return value[:at] + value[at + 1 :]
        case 2:
            return value[:at] + rng.choice(letters) + value[at + 1 :]
        case 3:
            return value[:at] + rng.choice(letters) + value[at:]
        case 4:
            return value[::-1]
        case _:
            return value[at:] + value[:at]


def _shuffled_text(rng: random.Random, value: str) -> str:
    if " " in value and rng.random() < 0.7:
        words = value.split(" ")
        rng.shuffle(words)
        return " ".join(words)
    return "".join(rng.sample(value, len(value)))


def _mutated_items(rng: random.Random, items: list[Any], kind: Kind) -> list[Any]:
    inner = kind.items[0] if kind.name == "list" else Kind(name="int")
    if kind.name == "tuple":
        at = rng.randrange(len(items)) if items else 0
        return [_mutated(rng, it, kind.items[place]) if place == at else it for place, it in enumerate(items)]
    if not items:
        return [_drawn(rng, inner, 1)]
    at = rng.randrange(len(items))
    if kind.fixed:
        return [*items[:at], _mutated(rng, items[at], inner), *items[at + 1 :]]
    match rng.randrange(8):
        case 0 if len(items) > (kind.low if kind.firm else 0):
            return items[:at] + items[at + 1 :]
        case 1:
            return [*items, items[at]]
        case 2:
            return rng.sample(items, len(items))
        case 3:
            return items[::-1]
        case 4:
            return [*items[:at], _drawn(rng, inner, 1), *items[at:]]
        case 5:
            return [*items[:at], items[rng.randrange(len(items))], *items[at + 1 :]]
        case _:
            return [*items[:at], _mutated(rng, items[at], inner), *items[at + 1 :]]
