"""What `conductor show` tells of a build: its rounds, what was decided, what came of the tests, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

_CASES = 10
"""Failing tests of a round that are named."""


def story(document: dict[str, Any]) -> Iterator[RenderableType]:
    """The parts of a ``conductor.build/1`` document after its run, each for a line or more."""
    from rich.text import Text

    from codeconductor.cli.console import one_line

    yield Text(
        f"\nBuild {document['id']} by {one_line(document['coder'])}, in {one_line(document['folder'])}", style="bold"
    )
    if document["run"] is None:
        yield Text("No model could be found.")
    if document["tests"] is not None:
        yield Text("\nTests that the models proposed ──")
        yield from _round(document["tests"])
    for one in document["rounds"]:
        yield Text(f"\nRound {one['round']} ──", style="bold")
        yield from _round(one)
    ended = "goes on, or was interrupted" if document["outcome"] is None else document["outcome"]
    applied = ", applied" if document["applied"] else ", not applied"
    yield Text(f"\nOutcome: {ended}{applied}", style="bold")
    yield from (Text(f"Warning: {one_line(warning)}", style="yellow") for warning in document["warnings"])
    if document["patch"]:
        yield Text(f"Patch: {one_line(document['patch'])}")


def _round(one: dict[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text

    from codeconductor.cli.console import one_line, visible

    if one["model"]:
        yield Text(f"Written by {one_line(one['model'])}")
    if one["error"]:
        yield Text(f"{one_line(one['error']['kind'])}: {one_line(one['error']['message'])}", style="red")
    if one["diff"]:
        yield from _coloured(visible(one["diff"]))
    approval = one["approval"]
    words = {"approved": "Approved", "rejected": "Rejected", "not_asked": "Nobody was asked"}
    by = f" by {one_line(approval['by'])}" if approval["by"] else ""
    edited = ", edited" if approval["edited"] else ""
    reason = f": {one_line(approval['reason'])}" if approval["reason"] else ""
    yield Text(f"{words[approval['decision']]}{by}{edited}{reason}")
    shown, approved = approval["sha256"], approval.get("approved_sha256")
    if shown:
        yield Text(f"SHA-256 of the diff that was shown: {one_line(shown)}")
    if approved and approved != shown:
        yield Text(f"SHA-256 of what was approved of it: {one_line(approved)}")
    told = one["verification"]
    if told is None:
        return
    counts = ", ".join(f"{told[word]} {word}" for word in ("passed", "failed", "errors", "skipped") if told[word])
    yield Text(f"Tests ({told['runner']}): {counts or 'none ran'} in {told['seconds']:.1f} s")
    bad = [case for case in told["cases"] if case["status"] not in ("passed", "skipped")]
    for case in bad[:_CASES]:
        first = next(iter((case["message"] or "").strip().splitlines()), "")
        yield Text(f"  {case['status']}: {one_line(case['name'])}: {one_line(first)}", style="red")
    if len(bad) > _CASES:
        yield Text(f"  and {len(bad) - _CASES} more")


def _coloured(diff: str) -> Iterator[RenderableType]:
    from rich.text import Text

    for line in diff.splitlines():
        style = "green" if line.startswith("+") else "red" if line.startswith("-") else ""
        yield Text(line, style=style)
