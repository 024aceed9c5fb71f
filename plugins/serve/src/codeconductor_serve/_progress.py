"""How the team gets on, told in short lines of reasoning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import Answered, Asked, Chunk, Decided, Loaded, RunStarted

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Event

_NAMED = 12
"""Models that a line names at most."""


class Progress:
    """A subscriber of a run's events.

    Args:
        tell: Given each line.
    """

    def __init__(self, tell: Callable[[Chunk], None]) -> None:
        self._tell = tell

    def __call__(self, event: Event) -> None:
        """Tell of what a person who waits wants to know."""
        line = self._line(event)
        if line is not None:
            self._tell(Chunk(reasoning=f"{line}\n"))

    def _line(self, event: Event) -> str | None:
        if isinstance(event, RunStarted):
            names = [model.id for model in event.run.models]
            more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
            return f"Asking {', '.join(names[:_NAMED])}{more}."
        if isinstance(event, Asked):
            return f"{event.model.id} is being loaded." if event.loading else None
        if isinstance(event, Loaded):
            return f"{event.model.id} is loaded."
        if isinstance(event, Answered):
            answer = event.answer
            if answer.error is not None:
                return f"{answer.model.id} gave no answer: {answer.error.message}"
            return f"{answer.model.id} answered" + ("." if answer.seconds is None else f" in {answer.seconds:.1f} s.")
        if isinstance(event, Decided):
            consensus = event.consensus
            word = "confidence" if consensus.calibrated else "agreement"
            return f"Decided by {consensus.strategy}: {word} {consensus.confidence:.2f}."
        return None
