"""Asks the person at the terminal whether a draft may be run: the diff, a summary, and what deserves a second look."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import attrs
import click

from codeconductor.cli import console
from codeconductor.handover import Approval, concerns, in_the_way, only
from codeconductor.handover.diffing import is_text
from codeconductor.hookspecs import hookimpl

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codeconductor.handover import ApprovalRequest, Draft
    from codeconductor.session import Session

_COLOURS = (
    ("diff --git", "white"), ("+++", "white"), ("---", "white"), ("@@", "cyan"), ("+", "green"), ("-", "red"),
)  # fmt: skip

_CHOICES = "[y]es, [n]o, [e]dit, only these [f]iles, show the [p]rompt, [q]uit"

_ENDED = "standard input has ended"


class TerminalApproval:
    """The person at the terminal; a plugin object."""

    @hookimpl
    def conductor_approve(self, session: Session, request: ApprovalRequest) -> Awaitable[Approval | None] | None:
        """Ask, where standard input and standard error are a terminal."""
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            return None
        return asyncio.to_thread(_Conversation(request).decide)


class _Conversation:
    """One question, asked until it is answered."""

    def __init__(self, request: ApprovalRequest) -> None:
        self._request = request
        self._draft = self._shown = request.draft
        self._paths: frozenset[str] | None = None
        self._edited = False

    def decide(self) -> Approval:
        """Show the draft, and hear what the person says."""
        self._show()
        deeds: dict[str, Callable[[], Any]] = {"e": self._edit, "f": self._choose, "p": self._show_prompt}
        while True:
            said = _asked(
                f"Run this{' and, once it is green, apply it' if self._request.what == 'code' else ''}? {_CHOICES}: "
            )
            if said is None:
                return self._no(_ENDED)
            word, _, rest = said.strip().partition(" ")
            word = word.lower()
            if word in ("y", "yes"):
                return self._yes()
            if word in ("n", "no"):
                return self._no(rest.strip() or None)
            if word in ("q", "quit"):
                return self._no("quit")
            deed = deeds.get(word[:1]) if word in ("e", "edit", "f", "files", "p", "prompt") else None
            if deed is not None:
                deed()

    def _yes(self) -> Approval:
        named = set()
        kept = self._shown.paths
        for path in self._request.guarded:
            if path not in kept:
                continue
            said = _asked(
                f"{console.one_line(path)} can decide whether tests pass. Type its name to approve that change too, "
                "or Enter to leave it out: "
            )
            if said is not None and said.strip() in (path, console.one_line(path)):
                named.add(path)
        return Approval(
            decision="approved", by="terminal", edited=self._edited, paths=self._paths, named=frozenset(named),
            sha256=self._shown.sha256,
        )  # fmt: skip

    def _no(self, reason: str | None) -> Approval:
        return Approval(decision="rejected", by="terminal", reason=reason, paths=self._paths, sha256=self._shown.sha256)

    def _show(self) -> None:
        self._shown = self._draft if self._paths is None else only(self._draft, self._paths)
        _say(diff_in_colour(self._shown.diff))
        _say(summary(attrs.evolve(self._request, draft=self._shown)))

    def _edit(self) -> None:
        """The files themselves, in the person's editor; the diff is then measured again."""
        files = [
            change.path for change in self._draft.changes
            if change.after is not None and change.after.mode != "120000" and is_text(change.after.content)
        ]  # fmt: skip
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        try:
            subprocess.run(  # noqa: S603 - the person's own editor
                [*shlex.split(editor), *(f"./{path}" for path in files)], cwd=self._request.folder, check=False
            )
        except (OSError, ValueError) as exc:
            _say(f"{editor!r} cannot be started: {exc}; set EDITOR")
            return
        draft = self._request.redraft()
        self._edited = self._edited or draft.sha256 != self._draft.sha256
        self._draft = draft
        self._show()

    def _choose(self) -> None:
        """Only some of the files, by their numbers or names."""
        paths = self._draft.paths
        for number, path in enumerate(paths, start=1):
            _say(f"  {number}. {console.one_line(path)}")
        said = _asked("Which of them, by number or name, with blanks in between? ")
        words = (said or "").replace(",", " ").split()
        chosen = {path for number, path in enumerate(paths, start=1) if str(number) in words or path in words}
        for path, other in in_the_way(self._draft, chosen):
            _say(f"  {console.one_line(path)}: {console.one_line(other)} is in its way, and goes with it")
            chosen.add(other)
        if chosen:
            self._paths = frozenset(chosen)
            self._show()
        else:
            _say("none was chosen: nothing has changed")

    def _show_prompt(self) -> None:
        _say(console.visible(self._request.prompt))


def diff_in_colour(diff: str) -> str:
    """A diff for a terminal: escape sequences in it are made visible, and not obeyed."""
    lines = console.visible(diff).splitlines()
    if not console.wants_colour():
        return "\n".join(lines)
    coloured = []
    for line in lines:
        colour = next((colour for start, colour in _COLOURS if line.startswith(start)), None)
        coloured.append(click.style(line, fg=colour) if colour else line)
    return "\n".join(coloured)


def summary(request: ApprovalRequest) -> str:
    """Files and lines, what deserves a second look, how sure the models were, and the input that parts them."""
    draft = request.draft
    what = f"{len(draft.changes)} file{'s' if len(draft.changes) != 1 else ''}, {_counted(draft)}"
    who = f"Tests that the models propose: {what}" if request.what == "tests" else (
        f"Round {request.round}, written by {console.one_line(request.coder)}: {what}"
    )  # fmt: skip
    lines = [_bold(who), *(f"  {change.action:8} {console.one_line(change.path)}" for change in draft.changes)]
    for concern in concerns(draft):
        detail = f": {console.one_line(concern.detail)}" if concern.detail else ""
        lines.append(_warned(f"  ! {concern.kind}: {console.one_line(concern.path)}{detail}"))
    consensus = request.consensus
    if consensus is not None:
        number = "confidence" if consensus["calibrated"] else "agreement"
        lines.append(f"The models: {number} {consensus['confidence']:.2f} ({consensus['strategy']})")
        witness = consensus["witness"]
        if witness:
            options = " | ".join(
                f"{console.one_line(str(option['result']))} ({', '.join(option['models'])})"
                for option in witness["options"]
            )
            lines.append(f"They differ on {console.one_line(str(witness['input']))}: {options}")
    return "\n".join(lines)


def _counted(draft: Draft) -> str:
    lines = draft.diff.split("\n")
    added = sum(line.startswith("+") and not line.startswith("+++") for line in lines)
    removed = sum(line.startswith("-") and not line.startswith("---") for line in lines)
    return f"+{added} −{removed} lines"


def _bold(text: str) -> str:
    return click.style(text, bold=True) if console.wants_colour() else text


def _warned(text: str) -> str:
    return click.style(text, fg="yellow", bold=True) if console.wants_colour() else text


def _say(text: str) -> None:
    click.echo(text, err=True)


def _asked(question: str) -> str | None:
    """A line that the person types; None: nothing more comes."""
    click.echo(question, err=True, nl=False)
    try:
        line = sys.stdin.readline()
    except (OSError, ValueError):
        return None
    return line if line else None
