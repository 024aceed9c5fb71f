"""Reads what a task's text says of its inputs: ranges, lengths, and of which letters a text is made."""

from __future__ import annotations

import re
import string
from typing import TYPE_CHECKING

import attrs
from codeconductor import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@frozen(kw_only=True)
class Constraints:
    """What is said of the inputs.

    Attributes:
        ranges: (lowest, highest) by subject: ``n``, ``nums.length``, ``nums[]`` for the items, ``grid[][]``.
        alphabet: The letters that texts are said to consist of; empty: nothing is said.
    """

    ranges: Mapping[str, tuple[int, int]] = attrs.field(factory=dict)
    alphabet: str = ""

    def of(self, subject: str) -> tuple[int, int] | None:
        """The range of a subject, whatever its case."""
        return self.ranges.get(subject.lower())


_NUMBER = r"-?\s*\d[\d,]*(?:\s*(?:\*|x|×|\\times|\\cdot)\s*10\s*\^\s*\{?\d+\}?|\s*\^\s*\{?\d+\}?)?(?:\s*[-+]\s*\d+)?"
_CHAIN = re.compile(rf"({_NUMBER})\s*(<=?)\s*([^<>\n]{{1,80}}?)\s*(<=?)\s*({_NUMBER}|[A-Za-z_][\w.()\[\]|]*)")


def constraints_of(text: str) -> Constraints:
    """The constraints in a task's text; what is not understood is left out."""
    plain = re.sub(r"\\(?:leq?|leqslant)\b|≤", "<=", text).replace("\\,", "").replace("$", "").replace("\\ ", " ")
    plain = re.sub(r"_\{([a-z]),\s*([a-z])\}", r"[][]", plain.replace("\\lt", "<").replace("−", "-"))
    ranges: dict[str, tuple[int, int]] = {}
    for match in _CHAIN.finditer(plain):
        low = _number(match[1])
        high = _number(match[5])
        if low is None:
            continue
        low += match[2] == "<"
        if high is None:
            bound = ranges.get(_subject(match[5]))
            high = bound[1] if bound else max(low, 10)
        else:
            high -= match[4] == "<"
        if low > high:
            continue
        for subject in _subjects(match[3]):
            ranges.setdefault(subject, (low, high))
    return Constraints(ranges=ranges, alphabet=_alphabet(text))


def _number(text: str) -> int | None:
    text = re.sub(r"[\s,{}]", "", text)
    match = re.fullmatch(r"(-?)(\d+)(?:(?:\*|x|×|\\times|\\cdot)10\^(\d+)|\^(\d+))?([-+]\d+)?", text)
    if match is None:
        return None
    exponent = int(match[3] or match[4] or 0)
    if exponent > 30:
        return None
    size = int(match[2]) * 10**exponent if match[3] else int(match[2]) ** exponent if match[4] else int(match[2])
    return (-size if match[1] else size) + int(match[5] or 0)


def _subjects(text: str) -> Iterator[str]:
    for part in re.split(r",|<=?| and ", text):
        subject = _subject(part)
        if subject:
            yield subject


def _subject(text: str) -> str:
    """A subject's name in one spelling: `|s|`, `len(s)` and `s.length` are one, as are `A_i` and `a[i]`."""
    text = re.sub(r"\s+|\\(?!l)", "", text).lower()
    text = re.sub(r"^the(length|size)of", "len", text)
    measured = re.fullmatch(r"\|([\w\[\]]+)\||len\(([\w\[\]]+)\)|([\w\[\]]+?)\.(?:length|size)(?:\(\))?", text)
    base = next(filter(None, measured.groups())) if measured else text
    base = re.sub(r"_\{?[a-z]\}?$", "[]", base)
    base = re.sub(r"\[[^\]]*\]", "[]", base)
    if not re.fullmatch(r"[a-z_]\w*(\[\])*", base):
        return ""
    return f"{base}.length" if measured else base


_ALPHABETS = (
    (
        r"lower-?\s?case\s+(?:and upper-?\s?case )?(?:english |latin )?(?:letter|alphabet|character)",
        string.ascii_lowercase,
    ),
    (r"upper-?\s?case\s+(?:english |latin )?(?:letter|alphabet|character)", string.ascii_uppercase),
    (r"(?:consists?|consisting|made|string) (?:only )?of (?:only )?(?:decimal )?digits", string.digits),
)


def _alphabet(text: str) -> str:
    low = text.lower()
    return "".join(letters for pattern, letters in _ALPHABETS if re.search(pattern, low))
