"""So many calls at once, and a queue before them: each works on models, or in sandboxes, of one machine."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from codeconductor import ConductorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from codeconductor_mcp._settings import McpSettings


class Places:
    """The places of one server.

    Args:
        settings: How many there are.
    """

    def __init__(self, settings: McpSettings) -> None:
        self._settings = settings
        self._free = asyncio.Semaphore(settings.parallel)
        self._here = 0

    @asynccontextmanager
    async def taken(self, waits: Callable[[str], None]) -> AsyncIterator[None]:
        """Have a place for as long as the context lasts; calls get theirs in the order in which they came.

        Args:
            waits: Told, where there is none yet, what is waited for.

        Raises:
            ConductorError: The queue is full.
        """
        if self._here >= self._settings.parallel + self._settings.queue:
            raise ConductorError(
                f"too many calls at once: {self._here} are worked on or wait",
                hint="call again when some of them are done; [mcp] parallel and queue set how many there may be",
            )
        self._here += 1
        try:
            if self._free.locked():
                waits(f"waiting for a place; calls before this one: {self._here - 1}")
            async with self._free:
                yield
        finally:
            self._here -= 1
