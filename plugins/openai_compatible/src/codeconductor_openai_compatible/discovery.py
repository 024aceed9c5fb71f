"""Lists the models of every configured OpenAI-compatible host, each server recognised by what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import ProviderError, discover_hosts, fault_in_reply, from_reply, request_json

from codeconductor_openai_compatible.hosts import START, client_for, host_of, remedies
from codeconductor_openai_compatible.loading import is_loading
from codeconductor_openai_compatible.models import LLAMACPP, as_models, root_of
from codeconductor_openai_compatible.settings import OpenAICompatibleSettings, base_address
from codeconductor_openai_compatible.wire import Entry, Props

if TYPE_CHECKING:
    import httpx2
    from codeconductor import Model, Problem, Session

_ANOTHER = "is it the address of an OpenAI-compatible server?"
_NONE = "start the server with a model, or load one there"


async def find_models(session: Session) -> list[Model | Problem]:
    """The models of all hosts, asked at once, and a problem for each host that could not be asked."""
    settings = session.settings("openai_compatible", OpenAICompatibleSettings)

    async def probe(address: str) -> list[Model]:
        client = client_for(session, address)
        with remedies(not_found=_ANOTHER):
            entries = await _listed(client, address)
            if not entries:
                raise ProviderError(f"{address} lists no model", kind="refused", hint=_NONE)
        props, is_ready = None, True
        if any(entry.owned_by == LLAMACPP for entry in entries):
            props, is_ready = await _props(client)
        found = as_models(address, entries, props, is_ready, settings.parallel)
        host = host_of(session, address)
        host.ids = {model.name: key for key, model in found.items()}
        host.roots = {entry.id: root for entry in entries if (root := root_of(entry))}
        return list(found.values())

    addresses = tuple(settings.addresses())
    for host in settings.api_keys:
        if base_address(host) not in addresses:
            session.warn(f"the API key of {host} is not used: it is not among [providers.openai_compatible] hosts")
    return await discover_hosts("openai_compatible", addresses, probe)


async def _listed(client: httpx2.AsyncClient, address: str) -> list[Entry]:
    try:
        data = await request_json(client, "/v1/models", hint=START)
    except ProviderError as fault:
        if is_loading(fault):
            fault.hint = "wait until it has loaded its model"
        elif fault.kind == "protocol":
            fault.hint = fault.hint or _ANOTHER
        raise
    listed = data.get("data")
    if not isinstance(listed, list):
        raise fault_in_reply(data, address) or ProviderError(
            f"{address}/v1/models gave no list of models: {str(data)[:200]}",
            kind="protocol",
            hint=_ANOTHER,
        )
    entries = []
    for item in listed:
        try:
            entries.append(from_reply(item, Entry))
        except ValueError:  # no model, or one in a form that nobody knows: it costs only itself
            continue
    return [entry for entry in entries if entry.id]


async def _props(client: httpx2.AsyncClient) -> tuple[Props | None, bool]:
    """(what llama.cpp tells of its slots, whether it has loaded its model); a router has no slots of its own."""
    try:
        return from_reply(await request_json(client, "/props"), Props), True
    except ProviderError as fault:
        return None, not is_loading(fault)
    except ValueError:
        return None, True
