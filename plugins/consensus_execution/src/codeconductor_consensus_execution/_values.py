"""Compares what programs returned or printed: canonical forms, with tolerance for floats."""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from typing import Any, Literal

RELATIVE, ABSOLUTE = 1e-6, 1e-9
"""How far two floats may lie apart and still be one result."""

DEEPEST = 60
"""Levels of a value that are compared; the sandbox cuts it off before."""

Comparison = Literal["strict", "lenient"]
"""``strict``: types count, but a whole float is its integer; ``lenient``: as Python's ``==`` would, and a tuple or what
is iterated over is its list."""

_SEQUENCES = frozenset({"list", "tuple", "deque", "iterable"})
_SETS = frozenset({"set", "frozenset"})


def same_value(left: str, right: str, how: Comparison = "strict", tolerance: float = ABSOLUTE) -> bool:
    """Whether two canonical forms are the same result; what is not readable is only the same as itself."""
    if left == right:
        return True
    first, second = decoded(left), decoded(right)
    if first is _UNREADABLE or second is _UNREADABLE:
        return False
    return _same(first, second, how, tolerance, 0)


_UNREADABLE = object()


@lru_cache(maxsize=4096)
def decoded(text: str) -> Any:
    """The JSON of a canonical form; an object of its own where it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _UNREADABLE


def _same(left: Any, right: Any, how: Comparison, tolerance: float, depth: int) -> bool:
    if depth > DEEPEST:
        return False
    if isinstance(left, bool) or isinstance(right, bool):
        if isinstance(left, bool) and isinstance(right, bool):
            return left is right
        return how == "lenient" and _number(left) == _number(right) is not None
    first, second = _number(left), _number(right)
    if first is not None and second is not None:
        return near(first, second, tolerance)
    if not isinstance(left, list) or not isinstance(right, list):
        return type(left) is type(right) and left == right
    if len(left) != 2 or len(right) != 2 or not isinstance(left[1], list) or not isinstance(right[1], list):
        return left == right if len(left) != 3 or len(right) != 3 else _same_object(left, right, how, tolerance, depth)
    if left[0] != right[0] and not _one_kind(left[0], right[0], how):
        return False
    return _same_items(left[1], right[1], left[0], how, tolerance, depth + 1)


def _one_kind(left: object, right: object, how: Comparison) -> bool:
    kinds = {left, right}
    return kinds <= _SETS or (how == "lenient" and kinds <= _SEQUENCES)


def _same_items(left: list[Any], right: list[Any], kind: str, how: Comparison, tolerance: float, depth: int) -> bool:
    if len(left) != len(right):
        return False
    if kind == "complex":
        return all(near(float(one), float(other), tolerance) for one, other in zip(left, right, strict=True))
    if kind == "dict":
        return all(
            _same(one, other, how, tolerance, depth)
            for pair, opposite in zip(left, right, strict=True)
            for one, other in zip(pair, opposite, strict=False)
        )
    return all(_same(one, other, how, tolerance, depth) for one, other in zip(left, right, strict=True))


def _same_object(left: list[Any], right: list[Any], how: Comparison, tolerance: float, depth: int) -> bool:
    if left[:2] != right[:2] or len(left[2]) != len(right[2]):
        return False
    return all(
        one[0] == other[0] and _same(one[1], other[1], how, tolerance, depth + 1)
        for one, other in zip(left[2], right[2], strict=True)
    )


def _number(value: Any) -> float | int | None:
    if isinstance(value, int | float):
        return value
    if isinstance(value, list) and len(value) == 2 and isinstance(value[1], str):
        try:
            if value[0] == "float":
                return float(value[1])
            if value[0] == "int":
                return int(value[1], 0)
        except ValueError:  # of more digits than Python reads
            return None
    return None


def near(left: float, right: float, tolerance: float = ABSOLUTE) -> bool:
    """Whether two numbers are one: NaN is itself, infinities are by sign, integers are exact."""
    if left == right:
        return True
    if isinstance(left, int) and isinstance(right, int):
        return tolerance > ABSOLUTE and abs(left - right) <= tolerance
    try:
        first, second = float(left), float(right)
    except OverflowError:
        return False
    if math.isnan(first) or math.isnan(second):
        return math.isnan(first) and math.isnan(second)
    return math.isclose(first, second, rel_tol=RELATIVE, abs_tol=tolerance)


def same_print(left: str, right: str) -> bool:
    """Whether two outputs are one, line by line: blanks and empty lines at ends do not count, numbers by value."""
    if left == right:
        return True
    first, second = _lines(left), _lines(right)
    return len(first) == len(second) and all(map(_same_line, first, second))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().replace("\r\n", "\n").split("\n")]


_FLOAT = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")


def _same_line(left: str, right: str) -> bool:
    if left == right:
        return True
    first, second = left.split(), right.split()
    return len(first) == len(second) and all(map(_same_token, first, second))


def _same_token(left: str, right: str) -> bool:
    if left == right:
        return True
    if not (_FLOAT.fullmatch(left) and _FLOAT.fullmatch(right)) or not ({"."} & {*left, *right}):
        return False
    return near(float(left), float(right))
