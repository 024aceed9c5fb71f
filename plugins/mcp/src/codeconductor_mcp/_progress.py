"""Progress notifications of a call, and a sign of life while nothing happens: clients cut off a tool that is silent."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from codeconductor import Answered, Decided, Event, RunSettings, RunStarted, Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

SILENCE = 8.0
"""Seconds after which something is said in any case."""

_SAMPLES_ALONE = 5

_PATIENCE = 2.0
"""Seconds that the client may take for the last reports."""


class Reporter(Protocol):
    """What tells the client; the context of a call does."""

    async def report_progress(self, progress: float, total: float | None = None, message: str | None = None) -> None:
        """Say how far it is."""
        ...


class Steps:
    """Steps done, of a total that is None until it is known, and the same from then on."""

    def __init__(self, message: str) -> None:
        self.total: float | None = None
        self.reports: asyncio.Queue[tuple[float, float | None, str] | None] = asyncio.Queue()
        self._done = 0.0
        self._loop = asyncio.get_running_loop()
        self.reports.put_nowait((0.0, None, message))

    def step(self, message: str, *, is_last: bool = False) -> None:
        """One more is done, or all are; may be said in any thread."""
        self._loop.call_soon_threadsafe(self._step, message, is_last)

    def end(self) -> None:
        """Nothing more will be said."""
        self._loop.call_soon_threadsafe(self.reports.put_nowait, None)

    def _step(self, message: str, is_last: bool) -> None:
        left = math.inf if self.total is None else self.total - self._done
        # more steps than were expected share what is left, so that the total stays, and progress grows
        self._done += left if is_last and left < math.inf else 1.0 if left > 1 else left / 2
        self.reports.put_nowait((self._done, self.total, message))

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
                self.step(f"decided by {event.consensus.strategy}", is_last=True)

        return listen


@asynccontextmanager
async def reporting(to: Reporter, message: str, *, silence: float = SILENCE) -> AsyncIterator[Steps]:
    """Report each step, and something at least every `silence` seconds, for as long as the context lasts.

    Progress only ever grows, as the protocol wants: a sign of life is a part of a step that never becomes a whole one.
    All steps are told before the context ends, in their order, unless it is cancelled.
    """
    steps = Steps(message)
    telling = asyncio.create_task(_tell(to, steps, silence))
    try:
        try:
            yield steps
        except Exception:  # such as no usable answer: that some failed is told
            await _told(steps, telling)
            raise
        await _told(steps, telling)
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


async def _told(steps: Steps, telling: asyncio.Task[None]) -> None:
    steps.end()
    await asyncio.wait({telling}, timeout=_PATIENCE)


async def _tell(to: Reporter, steps: Steps, silence: float) -> None:
    done, total, message = 0.0, None, ""
    beats = 0
    while True:
        try:
            async with asyncio.timeout(silence):
                report = await steps.reports.get()
        except TimeoutError:
            beats += 1
            room = 1.0 if total is None else min(1.0, total - done)
            if room > 0:  # at the end there is none
                await to.report_progress(done + room * (1 - 1 / (1 + beats)) / 2, total, message)
            continue
        if report is None:
            return
        (done, total, message), beats = report, 0
        await to.report_progress(done, total, message)
