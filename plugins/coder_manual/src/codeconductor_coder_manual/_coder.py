"""Hands the prompt to a person, and waits until they say that the code is written."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import attrs
from codeconductor import Failure, Written, frozen

from codeconductor_coder_manual._settings import ManualSettings
from codeconductor_coder_manual._ways import cursor_link, open_link, to_clipboard

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor import Assignment, Session

PROMPT = ".conductor/prompt.md"
"""Where a prompt stands in the copy that is too long for a link; it is no part of what was written."""


@frozen
class ManualCoder:
    """The coder ``manual``."""

    settings: ManualSettings = attrs.field(factory=ManualSettings)
    name: str = "manual"
    waits: bool = True

    @property
    def sends(self) -> str | None:
        """Where prompts go."""
        return "Cursor's servers, once you send the prompt there" if self.settings.hand_over == "cursor" else None

    def found(self) -> str:
        """How the prompt is handed over."""
        return f"you, by {self.settings.hand_over}"

    async def write(self, _session: Session, assignment: Assignment) -> Written:
        """Hand the prompt over, and wait for Enter."""
        _say(f"Open this folder in your editor: {assignment.folder}")
        kept = self._hand_over(assignment)
        try:
            _say("Press Enter when the code is written there; q and Enter gives up.")
            line = await asyncio.to_thread(_line)
        finally:
            if kept is not None:
                kept.unlink(missing_ok=True)
                with suppress(OSError):
                    kept.parent.rmdir()
        if line is None:
            return Written(
                error=Failure(
                    kind="not_done",
                    message="nobody said that the code is written: standard input has ended",
                    hint="run it in a terminal, or take another --coder",
                )
            )
        if line.strip().lower() in {"q", "quit", "n", "no"}:
            return Written(error=Failure(kind="not_done", message="the person gave up"))
        return Written()

    def _hand_over(self, assignment: Assignment) -> Path | None:
        """Give the prompt; gives the file in the copy that holds it, where there is one."""
        if self.settings.hand_over == "cursor":
            link, kept = cursor_link(assignment.prompt), None
            if link is None:
                kept = assignment.folder / PROMPT
                kept.parent.mkdir(exist_ok=True)
                kept.write_text(assignment.prompt, encoding="utf-8")
                link = cursor_link(f"Follow @{PROMPT}")
            assert link is not None
            opened = open_link(link)
            _say(f"{'Opened in Cursor, which waits for you to send it' if opened else 'Open this link'}: {link}")
            if ".env" in assignment.prompt:
                _say("Warning: some versions of Cursor refuse links whose text has .env in it")
            return kept
        if self.settings.hand_over == "clipboard" and to_clipboard(assignment.prompt):
            _say("The prompt is in the clipboard.")
            return None
        file = assignment.folder.parent / "prompt.md"
        file.write_text(assignment.prompt, encoding="utf-8")
        _say(f"The prompt is in {file}")
        return None


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _line() -> str | None:
    """One line of standard input; None: it has ended."""
    try:
        return sys.stdin.readline() or None
    except (OSError, ValueError):
        return None
