"""Arguments of a tool that are wrong, in words: which one, what was expected, and what came."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codeconductor import nearest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

_TOLD = 3
"""Wrong arguments that are told at once."""

_SHOWN = 60
"""Characters of a value that are shown."""


def unknown(given: Iterable[str], known: Collection[str]) -> str | None:
    """What is wrong with the first argument that is not known; None: all are."""
    name = next((name for name in given if name not in known), None)
    return None if name is None else f"unknown argument {name[:100]!r}{near(name, known)}"


def near(name: str, known: Collection[str]) -> str:
    """The nearest of the names that are known, or all of them."""
    close = nearest(name, known, likeness=0.5)
    if close is not None:
        return f"; did you mean {close!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else "; it takes none"


def mistyped(exc: ValidationError) -> str:
    """What is wrong with the arguments that are known."""
    errors = exc.errors(include_url=False)
    more = [f"and {len(errors) - _TOLD} more"] if len(errors) > _TOLD else []
    return "; ".join([*map(_in_words, errors[:_TOLD]), *more])


def _in_words(error: ErrorDetails) -> str:
    place = _place(error["loc"])
    if error["type"] == "missing":
        return f"the argument {place!r} is missing"
    expected, given = _expected(error), error["input"]
    is_choice = error["type"] == "literal_error" and isinstance(given, str)
    close = nearest(given, re.findall(r"'([^']*)'", expected)) if is_choice else None
    meant = f"; did you mean {close!r}?" if close is not None else ""
    return f"argument {place!r}: expected {expected}, got {_shown(given)}{meant}"


def _place(where: Sequence[int | str]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else part for part in where)


def _expected(error: ErrorDetails) -> str:
    limits: dict[str, Any] = error.get("ctx", {})
    kind = error["type"]
    if kind == "literal_error":
        return f"one of {limits['expected']}"
    if kind == "greater_than_equal":
        return f"{limits['ge']} or more"
    if kind == "less_than_equal":
        return f"{limits['le']} or less"
    if kind == "too_short":
        return f"at least {limits['min_length']}"
    if kind == "too_long":
        return f"at most {limits['max_length']}"
    words = {"string": "a text", "list": "a list of texts", "int": "a whole number", "finite": "a whole number"}
    return words.get(kind.partition("_")[0], error["msg"].lower())


def _shown(value: object) -> str:
    """A small value as it is, and otherwise what it is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return "an object"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
