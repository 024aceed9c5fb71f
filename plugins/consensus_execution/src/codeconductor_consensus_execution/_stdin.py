"""Makes inputs for a program that reads standard input: mutations of the examples."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

from codeconductor_consensus_execution._constraints import Constraints, constraints_of

if TYPE_CHECKING:
    from collections.abc import Sequence


def make_texts(text: str, examples: Sequence[str], *, seed: int, count: int) -> tuple[str, ...]:
    """Inputs near to the examples, all different; the same for the same seed.

    Counts stay as they are: a number that tells how many lines, words or letters follow is found by its value, in every
    example, and lines only change in their own words.

    Args:
        text: The task's, for the ranges that it states.
        examples: Inputs that are known to be meant; without any none is made.
        seed: Of everything that is drawn.
        count: How many at most.
    """
    rng = random.Random(seed)  # noqa: S311 - nothing here is a secret
    constraints = constraints_of(text)
    usable = [example for example in examples if 0 < len(example) <= 3_000]
    if not usable:
        return ()
    fixed = _counts(usable)
    made: dict[str, None] = {}
    for _ in range(count * 6):
        source = rng.choice(usable)
        changed = _changed(rng, source, fixed, constraints)
        if changed not in examples:
            made.setdefault(changed)
        if len(made) >= count:
            break
    return tuple(made)


def _rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.rstrip("\n").split("\n")]


def _counts(examples: Sequence[str]) -> frozenset[tuple[int, int]]:
    """(line, word) of numbers that stay: in every example they count something that follows, or all lines change."""
    shared: set[tuple[int, int]] | None = None
    for example in examples:
        rows = _rows(example)
        found = {
            (line, place)
            for line, words in enumerate(rows[:3])
            for place, word in enumerate(words)
            if word.isdigit() and _counts_something(int(word), rows[line + 1 :])
        }
        shared = found if shared is None else shared & found
    return frozenset(shared or ())


def _counts_something(number: int, rows: Sequence[Sequence[str]]) -> bool:
    return number in {len(rows), *(len(words) for words in rows), *(len(word) for words in rows for word in words)}


def _changed(rng: random.Random, source: str, fixed: frozenset[tuple[int, int]], constraints: Constraints) -> str:
    rows = _rows(source)
    places = [
        (line, place) for line, words in enumerate(rows) for place in range(len(words)) if (line, place) not in fixed
    ]
    if not places:
        return source
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        line, place = rng.choice(places)
        words = rows[line]
        among = [p for at, p in places if at == line]
        if len(among) > 2 and rng.random() < 0.3:
            mixed = rng.sample([words[p] for p in among], len(among))
            for p, word in zip(among, mixed, strict=True):
                words[p] = word
        else:
            words[place] = _word(rng, words[place], rows, line, constraints)
    return "\n".join(" ".join(words) for words in rows) + "\n"


def _word(rng: random.Random, word: str, rows: Sequence[Sequence[str]], line: int, constraints: Constraints) -> str:
    if re.fullmatch(r"-?\d+", word):
        number = int(word)
        peers = [int(it) for words in rows[1:] for it in words if re.fullmatch(r"-?\d+", it)] or [number]
        lowest = min([1, *peers]) if min(peers) > 0 else min(peers)
        near = [number + 1, number - 1, rng.choice(peers), rng.randint(lowest, max(peers)), number + rng.randint(-3, 3)]
        return str(max(lowest, rng.choice(near)))
    letters = sorted({letter for words in rows for it in words if not it.isdigit() for letter in it})
    if len(letters) < 3 and word.isalpha() and constraints.alphabet:
        letters = sorted({*letters, *constraints.alphabet[:3]})
    changed = list(word)
    for _ in range(rng.choice((1, 1, 2, 4))):
        changed[rng.randrange(len(changed))] = rng.choice(letters)
    if rng.random() < 0.3:
        rng.shuffle(changed)
    return "".join(changed)
