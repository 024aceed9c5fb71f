"""How much a template may make and how long it may take, and the filters that it has.

Jinja's own sandbox keeps a template from reaching out, and leaves memory and time to others. Here every text, list and
number that a template makes has a bound, and loops, calls and filters look at the clock.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any

from jinja2.exceptions import SecurityError  # noqa: TID253 - imported only where a prompt is written
from jinja2.filters import FILTERS  # noqa: TID253

from codeconductor_prompt_jinja import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

MAX_OUTPUT = 8 * 2**20
"""Characters of the longest text that a template may make, as a whole or on its way; entries of the longest list."""

MAX_SECONDS = 5.0
"""Longest time that one rendering may take."""

MAX_BITS = 4096
"""Of the largest whole number that a template may make."""

_deadline: ContextVar[float] = ContextVar("deadline", default=float("inf"))


@contextmanager
def clock() -> Iterator[None]:
    """What happens inside has `MAX_SECONDS`."""
    before = _deadline.set(time.monotonic() + MAX_SECONDS)
    try:
        yield
    finally:
        _deadline.reset(before)


def tick() -> None:
    """Look at the clock."""
    if time.monotonic() > _deadline.get():
        raise SecurityError(f"the template takes longer than {MAX_SECONDS:g} s")


def bounded(value: Any) -> Any:
    """The value, where it is not too large."""
    if isinstance(value, str | list | tuple | dict) and len(value) > MAX_OUTPUT:
        raise SecurityError(f"the template makes more than {MAX_OUTPUT // 2**20} million characters")
    if type(value) is int and value.bit_length() > MAX_BITS:
        raise SecurityError("the template makes a number without end")
    return value


def room(count: float) -> None:
    """Refuse a text of so many characters, or a list of so many entries, before it is made."""
    if count > MAX_OUTPUT:
        raise SecurityError(f"the template makes more than {MAX_OUTPUT // 2**20} million characters")


def weighed(value: Any) -> Any:
    """The value, where it is not too long to be written out or compared: a list may hold one thing many times."""
    known: dict[int, int] = {}  # what is held many times is weighed once, or this itself would take for ever

    def weight(item: Any) -> int:
        if isinstance(item, str):
            return len(item) + 1
        if not isinstance(item, list | tuple | dict):
            return 1
        if id(item) not in known:
            parts = (part for pair in item.items() for part in pair) if isinstance(item, dict) else item
            known[id(item)] = 1 + sum(map(weight, parts))
        return known[id(item)]

    room(weight(value))
    return value


def join(value: Iterable[Any], separator: object = "", attribute: str | None = None) -> str:
    """The items as one text; of tables, what they have under `attribute`."""
    if attribute is not None:
        value = (item[attribute] for item in value)
    texts, glue, count = [], str(separator), 0
    for item in value:
        tick()
        texts.append(str(weighed(item)))
        count += len(texts[-1]) + len(glue)
        room(count)
    return glue.join(texts)


def _replace(value: object, old: object, new: object) -> str:
    shown, old, new = str(value), str(old), str(new)
    room(len(shown) + shown.count(old) * len(new))
    return shown.replace(old, new)


def _sum(value: Iterable[Any], attribute: str | None = None, start: float = 0) -> Any:
    for item in value:
        number = item if attribute is None else item[attribute]
        start = bounded(start + (number if isinstance(number, int | float) else float(number)))
    return start


def _indent(value: object, width: int = 4, first: bool = False) -> str:
    shown, blanks = str(value), " " * min(int(width), 80)
    room(len(shown) + (shown.count("\n") + 1) * len(blanks))
    lines = shown.split("\n")
    indented = [line if not line or (number == 0 and not first) else blanks + line for number, line in enumerate(lines)]
    return "\n".join(indented)


def written(value: Any) -> Any:
    """The value, as it may be put out."""
    return weighed(value) if isinstance(value, list | tuple | dict) else value


_JINJAS = """
    abs capitalize count d default dictsort first float groupby int items last length list lower map max min reject
    rejectattr reverse round select selectattr sort string title trim truncate unique upper wordcount
"""
"""Jinja's filters that cannot make much of little."""

_OURS: Mapping[str, Callable[..., Any]] = {
    "bullet": text.bullet,
    "bullets": text.bullets,
    "code": text.code,
    "literal": text.literal,
    "fence": text.fence,
    "indent": _indent,
    "inline": text.inline,
    "join": join,
    "percent": text.percent,
    "replace": _replace,
    "size": text.size,
    "sum": _sum,
    "tojson": text.to_json,
    "truncate_tokens": text.truncate_tokens,
}
"""Filters that a template has beside Jinja's."""


def limited(function: Callable[..., Any]) -> Callable[..., Any]:
    """The filter or the test, with a look at the clock before it and at the size of its result after it."""

    @wraps(function)
    def bound(*args: Any, **kwargs: Any) -> Any:
        tick()
        for value in args:
            written(value)
        return bounded(function(*args, **kwargs))

    return bound


def filters() -> dict[str, Callable[..., Any]]:
    """Every filter that a template has, with its limits."""
    chosen = {name: FILTERS[name] for name in _JINJAS.split()} | dict(_OURS)
    return {name: limited(function) for name, function in chosen.items()} | {"bounded": bounded}
