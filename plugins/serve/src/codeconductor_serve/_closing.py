"""What is under way when the server has to end: it is cancelled, and its client told so in the protocol's form."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from codeconductor_serve._errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Closing:
    """The tasks that work for clients."""

    def __init__(self) -> None:
        self._closed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the current task among those that work.

        Raises:
            ApiError: The server ends.
        """
        if self._closed.is_set():
            raise _ends()
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            yield
        except asyncio.CancelledError:
            if not self._closed.is_set():
                raise
            task.uncancel()
            raise _ends() from None
        finally:
            self._tasks.discard(task)

    def close(self) -> None:
        """End what goes on; nothing begins any more."""
        self._closed.set()
        for task in self._tasks:
            task.cancel()


def _ends() -> ApiError:
    return ApiError(503, "the server is shutting down; ask again when it is back", code="shutting_down")
