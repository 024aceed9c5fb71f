"""Values as people write them in prose: Python's and JSON's, typographic quotes, and where in a line they end."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from codeconductor_consensus_execution._syntax import closing, literal

if TYPE_CHECKING:
    from collections.abc import Iterable

_WORDS = {"true": "True", "false": "False", "null": "None", "none": "None", "nil": "None"}
_STRINGS = re.compile(r'("(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\')')


def pythonic(text: str) -> str:
    """JSON's words in Python's spelling, outside of strings; typographic quotes as plain ones."""
    text = text.translate({0x201C: '"', 0x201D: '"', 0x2018: "'", 0x2019: "'", 0x2212: "-"})
    parts = _STRINGS.split(text)
    return "".join(
        part if place % 2 else re.sub(r"\b(true|false|null)\b", lambda it: _WORDS[it[0]], part)
        for place, part in enumerate(parts)
    )


def is_literal(source: str) -> bool:
    try:
        literal(source)
    except ValueError:
        return False
    return True


def literal_source(text: str) -> str | None:
    source = pythonic(text.strip())
    if is_literal(source):
        return " ".join(source.split("\n")) if "'''" not in source and '"""' not in source else source
    return None


def leading_literal(text: str) -> str | None:
    """The longest value that a text begins with; None where it begins with something else."""
    text = pythonic(text.lstrip(" \t\n`"))
    if text[:1] in "([{":
        end = closing(text, 0)
        if end is None:
            return None
        rest = text[end + 1 :].split("\n")[0]
        both = f"{text[: end + 1]}{rest}"  # a tuple without brackets around it goes on
        return next((it for it in map(literal_source, (both, text[: end + 1])) if it is not None), None)
    line = text.split("\n")[0]
    for end in reversed([*cuts(line), len(line)]):
        value = literal_source(line[:end].rstrip("`*. "))
        if value is not None and not re.match(r"\s*[+*/%^]|\s*-\s*\d", line[end:]):
            return value
    return None


def cuts(line: str) -> Iterable[int]:
    """Where a value may end in a line of prose."""
    return [match.start() for match in re.finditer(r"[\s,.;:)#`]", line)]
