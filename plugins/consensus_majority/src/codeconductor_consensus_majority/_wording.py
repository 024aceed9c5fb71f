"""Whether two sentences mean the same: lenient with words, strict with negations, numbers, names and opposites."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from codeconductor_consensus_majority._signs import plain_signs
from codeconductor_consensus_majority._words import (
    CONDITIONS,
    IDLE,
    KINDS,
    LIMITS,
    NEGATIONS,
    NUMBERS,
    OPERATORS,
    OPPOSITES,
    ORDERING,
    QUANTIFIERS,
    SAME,
    SEQUENCES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

THRESHOLD = 85.0
"""Similarity from which on two wordings mean the same; 0 to 100. Measured: see the README and tests/data."""

SHORTEST = 3
"""Words that a sentence needs for being compared by similarity; shorter ones must be equal."""

FIRST = 4
"""Letters by which words are looked up: forms of one word share them."""

MAX_SENTENCE = 2_000
"""Characters of a sentence that are looked at."""


class Wording(NamedTuple):
    """A sentence taken apart.

    Attributes:
        words: Stems of the words that say something, in order.
        bag: The same without their order.
        parts: The first letters of each.
        sorted: The same, alphabetical unless their order matters: what similarity is measured on.
        names: Names from code and texts in quotes, in order, case folded.
        sides: The first side that is taken of each pair of opposites, and all of them.
        behind: What stands behind words such as ``to``, and before ``not``, by the word with a ``<``.
        strict: What must be equal in sentences that mean the same, whatever their words are: every number in order,
            how often it says no, whether it narrows what it says, its operators.
        identity: Equal for sentences that differ in idle words and word forms alone.
    """

    words: tuple[str, ...]
    bag: frozenset[str]
    parts: frozenset[str]
    sorted: str
    names: tuple[str, ...]
    sides: dict[int, tuple[int, ...]]
    behind: dict[str, frozenset[str]]
    strict: tuple[object, ...]
    identity: tuple[object, ...]


_MARKER = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.)]|\[[ xX]\])\s+")
_QUOTED = re.compile(r"`([^`]+)`|\"([^\"]*)\"|(?<!\w)'([^']*)'(?!\w)")
_QUOTES = re.compile(r"[`\"']")
_NON = re.compile(r"\bnon[- ](?=\w)")
_MAY_NAME = re.compile(
    r"[_.(A-Z]"
)  # most sentences have none of these behind their first letter, which is found at once
_NAMED = re.compile(r"\w_\w|[a-z][A-Z]|\w\.\w|\w\(")
_NAME = re.compile(r"[A-Za-z]\w*_\w+|[A-Z]?[a-z]+[A-Z]\w*|\w+(?:\.\w+)+|\w+(?=\()")
_ORDER = re.compile(r"\bO\s?\(([^()]*+(?:\([^()]*+\))?[^()]*+)\)")
_DIGIT = re.compile(r"\d")
_ROMAN = re.compile(r"\b[IVX]{2,}\b")
_NUMBER = re.compile(r"(?:(?<![\w.)])-)?\d+(?:[.,]\d+)*")
_WORD = re.compile(r"non-[^\W_]+|[^\W_]+(?:'[^\W_]+)*|[=!]=|(?<![-=])[<>]=?|[+*/%^&|]")
_MINUS = re.compile(r"(?:(?<=\b[^\W\d_])|(?<=\)))\s?-\s?(?=\d|\w\b)")  # "n - 1" and "x-y", neither "UTF-8" nor "e-mail"
_CODE = re.compile(r"\w\((?<!\bo\()|[=!]=")  # O(n) is no call
_CONTRACTED = re.compile(r"n't\b")


@lru_cache(maxsize=65_536)
def wording(text: str) -> Wording:
    """Take a sentence apart."""
    text = text[:MAX_SENTENCE]
    text = _MARKER.sub("", plain_signs(text))
    plain = text.replace("`", "").replace("**", "")
    names: list[str] = []
    if _QUOTES.search(text):
        names += [next(filter(None, match.groups()), "") for match in _QUOTED.finditer(text)]
    if _MAY_NAME.search(plain, 1) and _NAMED.search(plain):
        names += [match[0] for match in _NAME.finditer(plain)]
    numbers = _ROMAN.findall(plain)
    if "(" in plain:
        numbers += ["O(" + re.sub(r"\s", "", match[1]) + ")" for match in _ORDER.finditer(plain)]
    plain = plain.casefold()
    plain = _CONTRACTED.sub(" not", plain)
    plain = plain.replace("none of", "not one of")
    plain = _NON.sub("non-", plain) if "non" in plain else plain
    if _DIGIT.search(plain):  # found much sooner than a number is not
        numbers += [match[0].replace(",", "") for match in _NUMBER.finditer(plain)]
    raw = _WORD.findall(plain)
    numbers += [NUMBERS[word] for word in raw if word in NUMBERS]
    words: list[str] = []
    for word in raw:
        if word not in IDLE and word not in NEGATIONS:
            words.append(NUMBERS.get(word) or stem(word))
    words = words or text.casefold().split()
    in_order = (("(" in plain or "=" in plain) and _CODE.search(plain)) or not SEQUENCES.isdisjoint(raw)
    key, named, sides = " ".join(words), tuple(dict.fromkeys(name.casefold() for name in names)), _sides(raw)
    operators = [word for word in raw if word in OPERATORS] + (
        ["-" for _ in _MINUS.findall(plain)] if "-" in plain else []
    )
    denials = sum(word in NEGATIONS for word in raw)
    strict = (tuple(numbers), denials, not LIMITS.isdisjoint(raw), *sorted(operators))
    return Wording(
        words=tuple(words),
        bag=frozenset(words),
        parts=frozenset([word[:FIRST] for word in words]),
        sorted=" ".join(words if in_order else sorted(words)),
        names=named,
        sides=sides,
        behind=_behind(raw),
        strict=strict,
        identity=(key, *strict, named, tuple(sorted(sides.items()))),
    )


@lru_cache(maxsize=16_384)
def stem(word: str) -> str:
    """The word less its ending, and one word for those that say the same; crude, but the same on both sides."""
    word = SAME.get(word, word)
    if not word.isascii() or not word.isalpha():
        return word.replace("-", "")
    for ending in ("isation", "ization"):
        if word.endswith(ending):
            word = word.removesuffix(ending) + "ize"
    word = re.sub(r"is(e|es|ed|ing)$", r"iz\1", word)
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-2] if word.endswith(("sses", "shes", "ches", "xes", "zes")) else word[:-1]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 2 and word.endswith(ending) and re.search("[aeiouy]", word[: -len(ending)]):
            word = word.removesuffix(ending)
            word = word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz" else word
            break
    if len(word) > 5:
        word = word.removesuffix("ly")
    word = SAME.get(word, word)
    return word.removesuffix("e") or word


_SIDE_OF: dict[str, list[tuple[int, int]]] = {}
for _pair, _line in enumerate((QUANTIFIERS, *OPPOSITES)):
    for _side, _group in enumerate(_line.split()):
        for _word in _group.split("|"):
            for _form in {_word, stem(_word)}:
                _SIDE_OF.setdefault(_form, []).append((_pair, _side))


def _sides(raw: Iterable[str]) -> dict[int, tuple[int, ...]]:
    sides: dict[int, tuple[int, ...]] = {}
    conditional = False
    for word in raw:
        conditional = conditional or word in CONDITIONS
        for pair, side in _SIDE_OF.get(word) or _SIDE_OF.get(stem(word)) or ():
            if side not in sides.get(pair, ()) and (conditional or pair > 0):
                sides[pair] = (*sides.get(pair, ()), side)
    return sides


def _behind(raw: list[str]) -> dict[str, frozenset[str]]:
    behind: dict[str, frozenset[str]] = {}
    for position, word in enumerate(raw):
        if word in ORDERING:
            said = next((stem(later) for later in raw[position + 1 :] if later not in IDLE), None)
            if said is not None:
                behind[word] = behind.get(word, frozenset()) | {said}
        if word in ("not", "never", "cannot"):  # behind what it denies something of
            said = next((stem(sooner) for sooner in reversed(raw[:position]) if sooner not in IDLE), None)
            if said is not None:
                behind[f"<{word}"] = behind.get(f"<{word}", frozenset()) | {said}
    return behind


_KINDS = frozenset(stem(kind) for kind in KINDS)
_DENIED = frozenset(stem(word) for word in NEGATIONS)


def compatible(one: Wording, other: Wording) -> bool:
    """Whether nothing forbids that two sentences mean the same, however alike their words are."""
    if one.strict != other.strict:
        return False
    if one.names != other.names:
        ours, yours = set(one.names) - set(other.names), set(other.names) - set(one.names)
        if (ours - other.bag and yours - one.bag) or not (ours or yours):
            return False
    for pair in one.sides.keys() & other.sides.keys():
        if one.sides[pair] != other.sides[pair]:
            return False
    mine, theirs = one.bag - other.bag, other.bag - one.bag
    if mine and theirs and ((mine & _KINDS and theirs & _KINDS) or not _spelled_alike(mine, theirs)):
        return False
    for word in one.behind.keys() & other.behind.keys():
        swapped = one.behind[word] ^ other.behind[word]
        if not one.behind[word] & other.behind[word] and swapped <= one.bag & other.bag | _DENIED:
            return False
    return True


def _spelled_alike(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    """Whether every word that only one of the sentences has is, on the side with fewer, a form of one on the other."""
    if len(mine) > len(theirs):
        mine, theirs = theirs, mine
    return all(_has_form(word, theirs) for word in mine) and (
        len(mine) < len(theirs) or all(_has_form(word, mine) for word in theirs)
    )


def _has_form(word: str, others: Iterable[str]) -> bool:
    """Whether one of the other words begins like it and ends differently."""
    for another in others:
        if word[0] == another[0]:  # most differ here
            shorter, longer = (word, another) if len(word) <= len(another) else (another, word)
            if longer.startswith(shorter[: max(4, len(shorter) - 2)]):
                return True
    return False


def alike(text: str, others: Mapping[int, str]) -> Iterable[tuple[int, float]]:
    """The keys of those texts of sorted words that are similar enough, each with the similarity."""
    if not others:
        return ()
    from rapidfuzz import fuzz, process

    found = process.extract_iter(text, others, scorer=fuzz.ratio, score_cutoff=THRESHOLD)
    return [(key, score) for _, score, key in found]


def same_meaning(one: Wording, other: Wording) -> bool:
    """Whether two sentences mean the same."""
    if not compatible(one, other):
        return False
    if one.sorted == other.sorted:
        return True
    if min(len(one.words), len(other.words)) < SHORTEST:
        return False
    return bool(alike(one.sorted, {0: other.sorted}))
