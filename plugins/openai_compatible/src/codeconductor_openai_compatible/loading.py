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
    return fault.status == 503 and "loading model" in fault.message.lower()


async def until_loaded(client: httpx2.AsyncClient) -> None:
    """Wait until the server no longer says that it loads; how long is for the caller to say.

    Raises:
        ProviderError: It cannot be reached any more.
    """
    while True:
        try:
            await request_json(client, "/health", hint=START)
        except ProviderError as fault:
            if fault.kind == "unreachable":
                raise
            if not is_loading(fault):
                return
        else:
            return
        await asyncio.sleep(_POLL)
