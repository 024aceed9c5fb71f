"""llama.cpp's server while it loads its model: it answers 503, and soon it will not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from codeconductor import ProviderError, request_json

from codeconductor_openai_compatible.hosts import START

if TYPE_CHECKING:
    import httpx2

_POLL = 0.25
"""Seconds between two looks at a server that loads."""


def is_loading(fault: ProviderError) -> bool:
    """Whether a server said that its model is not there yet, which is no overload."""
    return fault.kind == "overloaded" and "loading model" in fault.message.lower()


async def until_loaded(client: httpx2.AsyncClient) -> None:
    """Wait until the server says that it is ready; how long is for the caller to say.

    Raises:
        ProviderError: It cannot be reached any more.
    """
    while True:
        await asyncio.sleep(_POLL)
        try:
            await request_json(client, "/health", hint=START)
        except ProviderError as fault:
            if is_loading(fault):
                continue
            if fault.kind in {"unreachable", "timeout"}:
                raise
        return
