"""What happens during an invocation, told to whoever listens: progress, history, logs.

Events are values, sent at once to every subscriber in order of subscription. A subscriber must return quickly; one
that raises is dropped and named in a warning, and never disturbs the run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor.errors import in_words
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor.consensus import Consensus
    from codeconductor.discovery import Model, Problem
    from codeconductor.dispatch import Answer
    from codeconductor.pipeline import Run
    from codeconductor.pipeline.building import Build


@frozen
class Event:
    """The base of everything that happens."""


@frozen
class Discovered(Event):
    """Every provider was asked; these models may be used, these hosts may not."""

    models: tuple[Model, ...]
    problems: tuple[Problem, ...]


@frozen
class RunStarted(Event):
    """The models to ask are known and the run has an id; no request was sent yet."""

    run: Run


@frozen
class Asked(Event):
    """A model is asked; `loading`: to be in memory, by itself before the question or by the question."""

    model: Model
    sample: int
    loading: bool


@frozen
class Loaded(Event):
    """A model is in memory now; its load took so many seconds."""

    model: Model
    seconds: float


@frozen
class Retrying(Event):
    """The server is overloaded; it is asked again after so many seconds."""

    model: Model
    sample: int
    seconds: float


@frozen
class Arriving(Event):
    """A piece of an answer arrived; the counts are characters so far."""

    model: Model
    sample: int
    text: int
    reasoning: int


@frozen
class Answered(Event):
    """An answer is complete, or has failed: `answer.error` tells."""

    answer: Answer


@frozen
class Decided(Event):
    """A strategy has decided."""

    consensus: Consensus


@frozen
class Stepped(Event):
    """A build goes on to its next step; in words for people."""

    message: str


@frozen
class BuildChanged(Event):
    """A build has come further, or to its end."""

    build: Build


@frozen
class Recorded(Event):
    """A run that ended, however it did, is whole in the history."""

    run_id: str


@frozen
class Warned(Event):
    """Something is worth a person's attention and stops nothing."""

    message: str


class Events:
    """The subscribers of one invocation.

    Args:
        warn: Says that a subscriber was dropped; None: by a `Warned` alone.
    """

    def __init__(self, warn: Callable[[str], None] | None = None) -> None:
        self._subscribers: list[Callable[[Event], None]] = []
        self._warn = warn or (lambda message: self.emit(Warned(message)))

    def subscribe(self, subscriber: Callable[[Event], None]) -> None:
        """Send every later event to `subscriber`."""
        self._subscribers.append(subscriber)

    def emit(self, event: Event) -> None:
        """Tell every subscriber."""
        for subscriber in tuple(self._subscribers):
            if subscriber not in self._subscribers:  # it was dropped meanwhile
                continue
            try:
                subscriber(event)
            except Exception as exc:  # noqa: BLE001 - a listener must not disturb what it listens to
                self._subscribers.remove(subscriber)
                name = getattr(subscriber, "__qualname__", repr(subscriber))
                self._warn(f"{name} no longer listens: {in_words(exc)}")
