"""Progress notifications of a call, and a sign of life while nothing happens: clients cut off a tool that is silent."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from codeconductor import Answered, Decided, Event, RunSettings, RunStarted, Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SILENCE = 8.0
"""Seconds after which something is said in any case."""

_SAMPLES_ALONE = 5


class Reporter(Protocol):
    """What tells the client; the context of a call does."""

    async def report_progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Say how far it is."""
        ...


class Steps:
    """Steps done of a total, which both may grow; the total is None as long as it is not known."""

    def __init__(self, message: str) -> None:
        self.done = 0.0
        self.total: float | None = None
        self.message = message
        self.changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def step(self, message: str) -> None:
        """One more is done; may be said in any thread."""
        self._loop.call_soon_threadsafe(self._step, message)

    def _step(self, message: str) -> None:
        self.done += 1
        self.message = message
        self.changed.set()

    def follow(self, session: Session) -> None:
        """Take the steps of a run in that session."""
        session.events.subscribe(self._listener(session))

    def _listener(self, session: Session) -> Callable[[Event], None]:
        def listen(event: Event) -> None:
            if isinstance(event, RunStarted):
                models = event.run.models
                samples = session.settings("run", RunSettings).samples
                each = (_SAMPLES_ALONE if len(models) == 1 else 1) if samples == "auto" else int(samples)
                self.total = len(models) * each + 2.0
                self.step(f"asking {', '.join(model.id for model in models)}")
            elif isinstance(event, Answered):
                how = "answered" if event.answer.error is None else f"failed: {event.answer.error.kind}"
                self.step(f"{event.answer.model.id} {how}")
            elif isinstance(event, Decided):
                self.step(f"decided by {event.consensus.strategy}")

        return listen


@asynccontextmanager
async def reporting(to: Reporter, message: str, *, silence: float = SILENCE) -> AsyncIterator[Steps]:
    """Report each step, and something at least every `silence` seconds, for as long as the context lasts.

    Progress only ever grows, as the protocol wants: a sign of life is a part of a step that never becomes a whole one.
    """
    steps = Steps(message)
    telling = asyncio.create_task(_tell(to, steps, silence))
    try:
        yield steps
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _tell(to: Reporter, steps: Steps, silence: float) -> None:
    told, beats = -1.0, 0
    while True:
        beats = 0 if steps.done > told else beats + 1
        told = steps.done
        total = None if steps.total is None else max(steps.total, steps.done + 1)
        steps.changed.clear()
        await to.report_progress(told + (1 - 1 / (1 + beats)) / 2, total, steps.message)
        try:
            async with asyncio.timeout(silence):
                await steps.changed.wait()
        except TimeoutError:
            continue
