"""One request: its reply as a stream, or as one JSON object."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from codeconductor.errors import ProviderError
from codeconductor.http.client import open_client
from codeconductor.http.faults import checked, http_faults
from codeconductor.http.heard import Heard, listen
from codeconductor.http.lines import json_object, whole_body

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    import httpx2


_NO_RESPONSE = "without sending a response"
"""What the HTTP library says also where the headers had begun."""


@lru_cache(maxsize=256)
def _url(address: str) -> httpx2.URL:
    import httpx2

    return httpx2.URL(address)


@asynccontextmanager
async def open_stream(
    client: httpx2.AsyncClient,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    hint: str | None = None,
    repeats: bool = True,
) -> AsyncIterator[httpx2.Response]:
    """A reply whose headers have come, whatever its status; leaving closes it, which stops the server.

    A connection that dies before a byte of the reply has come is tried once more, with a new one: the server had
    closed an idle one just when it was used again, and maybe others with it.

    Args:
        client: From ``session.client(host)``.
        path: Below the client's base address.
        body: Sent as JSON, by POST; None: a GET.
        hint: What to do when the server cannot be reached.
        repeats: Whether the request may be sent that second time; not where doing it twice does harm.

    Raises:
        ProviderError: The server cannot be reached, or breaks off its reply; the latter while it is read, too.
    """
    import httpx2

    async with AsyncExitStack() as exits:
        host = str(client.base_url).rstrip("/")
        exits.enter_context(http_faults(host, hint=hint))
        counts = {"trace": listen} if host.startswith("https") else {}  # over plain HTTP our own connections count
        request = httpx2.Request(  # client.build_request would take the address apart and together again each time
            "GET" if body is None else "POST",
            _url(host + path),
            headers=client.headers,
            json=body,
            extensions={"timeout": client.timeout.as_dict(), **counts},
        )
        heard = Heard()
        try:
            response = await _sent(client, request, heard)
        except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
            if heard.size or not repeats:
                raise
            fresh = await exits.enter_async_context(open_client(str(client.base_url)))
            response = await _sent(fresh, request, heard)
        exits.push_async_callback(response.aclose)
        yield response


async def _sent(client: httpx2.AsyncClient, request: httpx2.Request, heard: Heard) -> httpx2.Response:
    import httpx2

    try:
        return await client.send(request, stream=True)
    except httpx2.RemoteProtocolError as exc:
        if heard.size and _NO_RESPONSE in str(exc):
            raise httpx2.RemoteProtocolError("the connection was closed within the headers") from exc
        raise


async def request_json(
    client: httpx2.AsyncClient,
    path: str,
    *,
    body: Mapping[str, Any] | None = None,
    hint: str | None = None,
    repeats: bool = True,
) -> dict[str, Any]:
    """The JSON object that a server gives for a path: by GET, or by POST where there is a body.

    Args:
        client: From ``session.client(host)``.
        path: Below the client's base address.
        body: Sent as JSON.
        hint: What to do when the server cannot be reached.
        repeats: As of `open_stream`.

    Raises:
        ProviderError: The server cannot be reached, says no, or gives something else than a JSON object.
    """
    async with open_stream(client, path, body=body, hint=hint, repeats=repeats) as response:
        await checked(response)
        text = await whole_body(response)
    try:
        return json_object(text)
    except ProviderError as exc:
        host = str(client.base_url).rstrip("/")
        raise ProviderError(f"{host}{path}: {exc.message}", kind=exc.kind) from exc
