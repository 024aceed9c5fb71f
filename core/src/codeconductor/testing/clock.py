"""An event loop whose clock jumps over every wait: what takes minutes is tested in no time, and never by chance."""

from __future__ import annotations

import asyncio
import heapq
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class _JumpingLoop(asyncio.SelectorEventLoop):
    """When nothing is ready, it is the time of the next timer.

    It looks at the timers where `asyncio.BaseEventLoop` keeps them, as the loops of other test libraries do.
    """

    _ready: Any
    _scheduled: list[Any]
    _timer_cancelled_count: int
    _now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0].cancelled():
            self._timer_cancelled_count -= 1
            heapq.heappop(self._scheduled)._scheduled = False
        if not self._ready and self._scheduled:
            self._now = max(self._now, self._scheduled[0].when())
        super()._run_once()  # type: ignore[misc]  # not in the stubs


def run_at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine without waiting for any timer: `asyncio.sleep` and `asyncio.timeout` cost no time.

    For what happens in this process alone: a clock that jumps does not wait for a server.
    """
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        return runner.run(coroutine)
