"""Lists the models of every configured Ollama host."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from codeconductor import ProviderError, discover_hosts

from codeconductor_ollama.api import ask, faults_of
from codeconductor_ollama.models import as_models, is_remote
from codeconductor_ollama.settings import OllamaSettings
from codeconductor_ollama.wire import InMemory, Running, Shown, Tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx2
    from codeconductor import Model, Problem, Session

DETAILS_WITHIN = 4.0
"""Seconds after which a host's models are listed without the details that are still missing; core ends at 5."""

_SHOWN_AT_ONCE = 4


async def find_models(session: Session) -> list[Model | Problem]:
    """The models of all hosts, asked at once, and a problem for each host that could not be asked."""
    settings = session.settings("ollama", OllamaSettings)

    async def probe(host: str) -> list[Model]:
        with faults_of(host):
            client = session.client(host)
        deadline = asyncio.get_running_loop().time() + DETAILS_WITHIN
        looking = asyncio.create_task(_in_memory(client, deadline))
        try:
            tags = await ask(client, "/api/tags", Tags)
            installed = tags.models or ()
            unclear = [entry.name for entry in installed if not entry.capabilities and not is_remote(host, entry)]
            shown = await _shown(client, unclear, deadline)
            return as_models(host, installed, shown, await looking, settings.parallel)
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)

    return await discover_hosts("ollama", tuple(dict.fromkeys(settings.hosts)), probe)


async def _in_memory(client: httpx2.AsyncClient, deadline: float) -> tuple[InMemory, ...] | None:
    """What is in memory; None: the server does not tell, which is no reason to leave its models out."""
    try:
        async with asyncio.timeout_at(deadline):
            running = await ask(client, "/api/ps", Running)
    except (ProviderError, TimeoutError):
        return None
    return running.models or ()


async def _shown(client: httpx2.AsyncClient, names: Sequence[str], deadline: float) -> dict[str, Shown]:
    """What `/api/show` tells by name: as many as there is time for, a few at once, as each reply has 60–140 KB."""
    found: dict[str, Shown] = {}
    gate = asyncio.Semaphore(_SHOWN_AT_ONCE)

    async def show(name: str) -> None:
        async with gate:
            with suppress(ProviderError):  # one model without details is still a model
                # servers before 0.1.40 or so know `name` alone
                found[name] = await ask(client, "/api/show", Shown, {"model": name, "name": name})

    with suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            await asyncio.gather(*map(show, names))
    return found
