"""One request for one JSON object: what a plugin lists and loads models with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeconductor.errors import ProviderError
from codeconductor.http.faults import checked, http_faults
from codeconductor.http.lines import json_object, whole_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2


async def request_json(
    client: httpx2.AsyncClient,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    hint: str | None = None,
) -> dict[str, Any]:
    """The JSON object that a server gives for a path: by GET, or by POST where there is a body.

    Args:
        client: From ``session.client(host)``.
        path: Below the client's base address.
        body: Sent as JSON.
        hint: What to do when the server cannot be reached.

    Raises:
        ProviderError: The server cannot be reached, says no, or gives something else than a JSON object.
    """
    host = str(client.base_url).rstrip("/")
    method = "GET" if body is None else "POST"
    with http_faults(host, hint=hint):
        async with client.stream(method, path, json=body) as response:
            await checked(response)
            text = await whole_body(response)
    try:
        return json_object(text)
    except ProviderError as exc:
        raise ProviderError(f"{host}{path}: {exc.message}", kind=exc.kind) from exc
