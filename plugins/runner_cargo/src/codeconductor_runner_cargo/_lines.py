"""Reads what Rust's test harness prints: stable versions have no other form."""

from __future__ import annotations

import re
from collections import Counter

from codeconductor import TestCase, TestRun

_LISTED = re.compile(r"^(.+): test$", re.MULTILINE)
_RAN = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)\b(.*)$", re.MULTILINE)
_RESULT = re.compile(r"^test result: (ok|FAILED)\. (\d+) passed; (\d+) failed; (\d+) ignored;", re.MULTILINE)
_STARTED = re.compile(r"^running (\d+) tests?$", re.MULTILINE)
_DETAIL = re.compile(r"^---- (.+?) stdout ----\n(.*?)(?=^---- |^failures:$|\Z)", re.MULTILINE | re.DOTALL)

ENDED_EARLY = "a test process ended without its full report"
"""The fault of one that printed no whole summary, or whose `main` did not return."""

_STATUS = {"ok": "passed", "FAILED": "failed", "ignored": "skipped"}


def judged(listed: bytes, ran: bytes, status: int | None, *, who: str = "cargo test", is_cut: bool = False) -> TestRun:
    """The tests that ran, where they are those that were listed, each once, and every count and the status agree.

    Args:
        listed: What was printed with `--list`.
        ran: What was printed without.
        status: How that ended; None: it did not.
        who: What printed it, for a fault: `cargo test`, or one test program.
        is_cut: Whether one of them was ended or cut off.
    """
    said = ran.decode("utf-8", "replace").replace("\r\n", "\n")
    details = {name: text.strip() for name, text in _DETAIL.findall(said)}
    found = [(name, _STATUS[word]) for name, word, _ in _RAN.findall(said)]
    cases = [
        TestCase(
            name=name,
            status="passed" if word == "passed" else "failed" if word == "failed" else "skipped",
            message=details.get(name) if word == "failed" else None,
        )
        for name, word in found
    ]
    return TestRun(cases=cases, fault=_fault(listed, said, found, None if is_cut else status, who))


def _fault(listed: bytes, said: str, found: list[tuple[str, str]], status: int | None, who: str) -> str | None:
    if status is None:
        return f"{who} was ended without its full report"
    results = _RESULT.findall(said)
    if len(results) != len(_STARTED.findall(said)):
        return ENDED_EARLY
    counted = Counter(word for _, word in found)
    told = [sum(int(result[place]) for result in results) for place in (1, 2, 3)]
    if [counted["passed"], counted["failed"], counted["skipped"]] != told:
        return "the tests and their summary do not agree"
    names = Counter(_LISTED.findall(listed.decode("utf-8", "replace")))
    if Counter(name for name, _ in found) != names:
        return f"of {names.total()} tests that were listed, {len(found)} were reported"
    if status != 0 and not counted["failed"]:
        return f"{who} ended with status {status}"
    return f"{who} ended well although tests failed" if status == 0 and counted["failed"] else None
