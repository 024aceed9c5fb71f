"""What goes back to a coder: which tests failed, what was expected, the trace cut to what matters, what was tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codeconductor.dispatch import fence_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from codeconductor.pipeline.building.values import Round

MOST_CASES = 10
"""Failing tests that are told in full; the others by name."""

MOST_NAMES = 40

_LINES = 40
"""Of one test's message: its beginning names the test, its end what was expected."""

_CHARACTERS = 4000

_PASSING = ("passed", "skipped")


def failing(verification: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The cases that are neither passed nor skipped."""
    return [case for case in verification.get("cases", ()) if case["status"] not in _PASSING]


def signature(one: Round) -> str:
    """What failed and how, without what differs by chance: equal in two rounds that give the same failure."""
    if one.verification is None:
        return f"{one.error.kind}: {one.error.message}" if one.error else ""
    told = one.verification
    cases = [(case["name"], case["status"], case.get("message") or "") for case in failing(told)]
    return _settled(repr(cases) if cases else f"{told.get('fault')} {told.get('output_tail')}")


_BY_CHANCE = re.compile(
    r"0x[0-9a-f]{6,}|\d+(?:\.\d+)?\s?(?:s|ms|seconds)\b|/[^\s'\":]*/(?=[^\s/'\":]+)|\d{4}-\d\d-\d\dT?\s?[\d:.]*"
)


def _settled(text: str) -> str:
    return _BY_CHANCE.sub("…", text)


def compose(prompt: str, rounds: Sequence[Round], tests: Sequence[str], *, has_tests: bool) -> str:
    """The whole prompt of the next round.

    Args:
        prompt: That the models agreed on.
        rounds: What was tried before.
        tests: Names of the tests that the user gave.
        has_tests: Whether there are tests at all.
    """
    parts = [prompt.rstrip(), *_judged(tests, has_tests=has_tests)]
    if rounds:
        parts += [*_told(rounds[-1]), *_tried(rounds)]
        parts.append("Go on from the files as they are now, correct them, and change nothing else.")
    return "\n\n".join(parts) + "\n"


def _judged(tests: Sequence[str], *, has_tests: bool) -> Iterator[str]:
    yield "## How the result is judged"
    if tests:
        named = ", ".join(f"`{_inline(name)}`" for name in tests)
        yield f"These tests must pass: {named}. They are laid in again before each run, so changing them has no effect."
    elif has_tests:
        yield "The folder's own tests must pass. They are laid in again before each run: changing them has no effect."
    else:
        yield "There are no tests yet: write some that the folder's test runner finds. They must pass."
    yield "Change files in the current folder alone. Do not ask: decide, and say what you assumed."


def _told(last: Round) -> Iterator[str]:
    yield f"## What came of round {last.round}"
    if last.verification is None:
        if last.error is not None:
            yield f"Nothing could be tested: {_inline(last.error.message)}"
        return
    told = last.verification
    yield (
        f"{told.get('passed', 0)} passed, {told.get('failed', 0)} failed, {told.get('errors', 0)} errors"
        + (", and the time was over." if told.get("timed_out") else ".")
    )
    if told.get("fault"):
        yield f"What is wrong beside that: {_inline(told['fault'])}"
    cases = failing(told)
    for case in cases[:MOST_CASES]:
        where = f" in `{_inline(case['file'])}`" if case.get("file") else ""
        yield f"`{_inline(case['name'])}`{where} ({case['status']}):\n{_fenced(case.get('message') or 'no message')}"
    if len(cases) > MOST_CASES:
        others = ", ".join(f"`{_inline(case['name'])}`" for case in cases[MOST_CASES:MOST_NAMES])
        yield f"Further failing tests: {others}{' …' if len(cases) > MOST_NAMES else ''}"
    if not cases and told.get("output_tail"):
        yield f"The output ended with:\n{_fenced(told['output_tail'])}"


def _tried(rounds: Sequence[Round]) -> Iterator[str]:
    if len(rounds) < 2:
        return
    yield "What was tried before:"
    lines = []
    for one in rounds[:-1]:
        files = ", ".join(f"`{_inline(path)}`" for path, _ in one.files[:MOST_CASES])
        names = [f"`{_inline(case['name'])}`" for case in failing(one.verification or {})[:MOST_CASES]]
        lines.append(f"- Round {one.round} changed {files or 'nothing'}; failing: {', '.join(names) or 'all of it'}")
    yield "\n".join(lines)


def _fenced(text: str) -> str:
    """A text from the tests, as data: cut in its middle, and in a fence that nothing in it closes."""
    lines = [_printable(line) for line in text.strip("\n").splitlines()]
    if len(lines) > _LINES:
        half = _LINES // 2
        lines = [*lines[:half], f"[… {len(lines) - _LINES} lines …]", *lines[-half:]]
    cut = "\n".join(lines)
    if len(cut) > _CHARACTERS:
        cut = f"{cut[: _CHARACTERS // 2]}\n[…]\n{cut[-_CHARACTERS // 2 :]}"
    fence = fence_for(cut)
    return f"{fence}text\n{cut}\n{fence}"


def _printable(line: str) -> str:
    return "".join(c if c == "\t" or c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _inline(text: str) -> str:
    return _printable(" ".join(str(text).split())).replace("`", "'")
