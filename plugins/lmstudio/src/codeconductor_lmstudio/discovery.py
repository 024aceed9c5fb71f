"""Lists the models of every configured LM Studio host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import ProviderError, discover_hosts

from codeconductor_lmstudio.api import client_for, list_models
from codeconductor_lmstudio.hosts import host_of
from codeconductor_lmstudio.models import as_models, instance_of
from codeconductor_lmstudio.settings import LMStudioSettings
from codeconductor_lmstudio.wire import Native

if TYPE_CHECKING:
    from codeconductor import Model, Problem, Session


async def find_models(session: Session) -> list[Model | Problem]:
    """The models of all hosts, asked at once, and a problem for each host that could not be asked."""
    settings = session.settings("lmstudio", LMStudioSettings)

    async def probe(host: str) -> list[Model]:
        entries = await list_models(client_for(session, host))
        if not entries:
            raise ProviderError(
                f"{host} lists no model",
                kind="refused",
                hint="get one with `lms get`; with just-in-time loading off, load one with `lms load`",
            )
        instances = host_of(session, host).instances
        for entry in entries:
            instance = instance_of(entry) if isinstance(entry, Native) else None
            if isinstance(entry, Native) and instance is not None:
                instances[entry.key] = instance
        return as_models(host, entries, settings.parallel)

    return await discover_hosts("lmstudio", tuple(dict.fromkeys(settings.hosts)), probe)
