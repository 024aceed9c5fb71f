"""Lists the models of every configured Ollama host."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from codeconductor import ProviderError, discover_hosts

from codeconductor_ollama.api import ask, faults_of, in_memory, show, version
from codeconductor_ollama.models import as_models, is_remote
from codeconductor_ollama.remedies import PULL
from codeconductor_ollama.settings import OllamaSettings
from codeconductor_ollama.wire import Installed, Shown, Tags

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx2
    from codeconductor import Model, Problem, Session

DETAILS_WITHIN = 4.0
"""Seconds after which a host's models are listed without the details that are still missing; core ends at 5."""

_SHOWN_AT_ONCE = 4

_GRACE = 1.0
"""Seconds that a server has to tell its version when all else is known."""


async def find_models(session: Session) -> list[Model | Problem]:
    """The models of all hosts, asked at once, and a problem for each host that could not be asked."""
    settings = session.settings("ollama", OllamaSettings)

    async def probe(host: str) -> list[Model]:
        with faults_of(host):
            client = session.client(host)
        deadline = asyncio.get_running_loop().time() + DETAILS_WITHIN
        looking = asyncio.create_task(in_memory(client, DETAILS_WITHIN))
        telling = asyncio.create_task(version(client))
        try:
            installed = (await ask(client, "/api/tags", Tags)).models
            if not installed:
                raise ProviderError(f"{host} has no model", kind="refused", hint=PULL)
            shown = await _shown(client, [entry.name for entry in installed if _is_unclear(host, entry)], deadline)
            running = await looking
            told, _ = await asyncio.wait([telling], timeout=_GRACE)
            return as_models(host, installed, shown, running, settings.parallel, telling.result() if told else None)
        finally:
            looking.cancel()
            telling.cancel()
            await asyncio.gather(looking, telling, return_exceptions=True)

    return await discover_hosts("ollama", tuple(dict.fromkeys(settings.hosts)), probe)


def _is_unclear(host: str, entry: Installed) -> bool:
    """Whether the list leaves open what it can, or how long a prompt may be; servers since 0.30 tell both."""
    if is_remote(host, entry):
        return False
    return not entry.capabilities or not (entry.details and entry.details.context_length)


async def _shown(client: httpx2.AsyncClient, names: Sequence[str], deadline: float) -> dict[str, Shown]:
    """What `/api/show` tells by name: as many as there is time for, a few at once, as each reply has 60–140 KB."""
    found: dict[str, Shown] = {}
    gate = asyncio.Semaphore(_SHOWN_AT_ONCE)

    async def look(name: str) -> None:
        async with gate:
            left = deadline - asyncio.get_running_loop().time()
            shown = await show(client, name, left) if left > 0 else None
        if shown is not None:
            found[name] = shown

    await asyncio.gather(*map(look, names))
    return found
