"""Progress without a terminal: a line for each answer, and one for each warning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from codeconductor.cli import console
from codeconductor.events import Answered, Decided, Event, Loaded, RunStarted, Stepped, Warned

if TYPE_CHECKING:
    from codeconductor.consensus import Consensus
    from codeconductor.dispatch import Answer
    from codeconductor.session import Session


def ended(answer: Answer) -> str:
    """How an answer ended, in a few words."""
    if answer.error is not None:
        return f"{answer.error.kind}: {answer.error.message}"
    tokens = answer.usage.completion_tokens
    return f"{answer.seconds or 0:.1f} s, " + (f"{tokens} tokens" if tokens else f"{len(answer.text)} characters")


def named(answer: Answer) -> str:
    """Model and sample, the sample counted from one as people do."""
    return f"{answer.model.id} #{answer.sample + 1}"


def decided(consensus: Consensus) -> str:
    """A decision in one line: a number is called a confidence only where it is one."""
    number = (
        f"confidence {consensus.confidence:.2f}" if consensus.calibrated else f"agreement {consensus.agreement:.2f}"
    )
    return f"{consensus.strategy}: {number}. {consensus.explanation}".strip()


class PlainProgress:
    """Lines on standard error while the context lasts."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __enter__(self) -> Self:
        self._session.events.subscribe(self._show)
        return self

    def __exit__(self, *_exc: object) -> None:
        return

    def _show(self, event: Event) -> None:
        match event:
            case RunStarted(run):
                console.notice(f"Asking {', '.join(model.id for model in run.models)}")
            case Loaded(model, seconds):
                console.notice(f"{model.id}: loaded in {seconds:.1f} s")
            case Answered(answer):
                console.notice(f"{named(answer)}: {ended(answer)}")
            case Decided(consensus):
                console.notice(decided(consensus))
            case Stepped(message):
                console.notice(message[:1].upper() + message[1:])
            case Warned(message):
                console.warning(message)
