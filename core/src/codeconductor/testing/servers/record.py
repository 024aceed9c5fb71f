"""What a scripted server notes down: requests as they arrive and end, for tests to look at and to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor.testing.servers.wire import Request

PATIENCE = 10.0
"""Seconds after which a wait that must come to an end has failed; no test is slower for it when all is well."""


class Record:
    """The part of a scripted server that tests look at.

    Attributes:
        requests: What arrived so far, in order.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._held: Counter[str] = Counter()
        self._most: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._waiting: list[asyncio.Future[None]] = []

    def asked(self, path: str, model: str | None = None) -> list[Request]:
        """The requests of a path, and of a model where one is named, in order of arrival."""
        return [r for r in list(self.requests) if r.path == path and (model is None or r.model == model)]

    def cancelled(self, path: str, model: str | None = None) -> list[Request]:
        """Those of `asked` whose client went away before the reply was complete."""
        return [request for request in self.asked(path, model) if request.outcome == "cancelled"]

    def most_at_once(self, path: str) -> int:
        """The most requests of a path that were held at the same time."""
        return self._most[path]

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds; it is looked at after everything that happens on the server.

        Raises:
            AssertionError: It does not hold within 10 s.
        """
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), f"still not so after {PATIENCE:g} s"

    async def until(self, condition: Callable[[], bool]) -> None:
        """`wait_until` for the server's own loop and without its limit; for the use of faults."""
        while not condition():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append(future)
            await future

    def _arrived(self, request: Request) -> None:
        self.requests.append(request)
        self._held[request.path] += 1
        self._most[request.path] = max(self._most[request.path], self._held[request.path])
        self._tell()

    def _tell(self) -> None:
        """Have every condition looked at that somebody waits for."""
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
        with self._changed:
            self._changed.notify_all()
