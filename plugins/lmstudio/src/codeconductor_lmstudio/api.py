"""LM Studio's endpoints: the lists of its three families, told apart by their shapes, and loading.

An unknown path answers with status 200 and an error, so a status proves nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from codeconductor import ProviderError, from_reply, request_json

from codeconductor_lmstudio.wire import Loaded, Native, Older

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from codeconductor import Session

T = TypeVar("T", Native, Older)

START = "start it with `lms server start`, or in the app's developer page; or set [providers.lmstudio] hosts"
"""What to do where nothing answers."""

_TOKENS = ("env:LM_API_TOKEN", "env:LMSTUDIO_API_TOKEN")
"""As the documentation and as the SDK name it."""

_REMEDIES = {
    "HTTP 401": "set LM_API_TOKEN to a token of this server's (developer page, API tokens)",
    "HTTP 403": "give the token in LM_API_TOKEN the permission that it lacks",
    "No models loaded": "load a model in LM Studio, or turn on just-in-time loading",
    "Failed to load": "free memory with `lms unload --all`, or ask a smaller model",
    "Model unloaded": "turn off auto-evict in LM Studio, or load the models that are to stay with `lms load`",
}
"""By a piece of the message."""


def client_for(session: Session, host: str) -> httpx2.AsyncClient:
    """The client for a host; it sends the token, where one is set, to this host alone."""
    token = next(filter(None, (session.secret(reference) for reference in _TOKENS)), None)
    return session.client(host, key=token.strip() if token else None)


@contextmanager
def remedies() -> Iterator[None]:
    """Give failures LM Studio's own remedy."""
    try:
        yield
    except ProviderError as fault:
        fault.hint = next((hint for words, hint in _REMEDIES.items() if words in fault.message), fault.hint)
        raise


async def list_models(client: httpx2.AsyncClient) -> list[Native] | list[Older]:
    """The entries of the newest list that the server has.

    Raises:
        ProviderError: It cannot be reached, says no, or has no such list.
    """
    refusal: ProviderError | None = None
    with remedies():
        for path, key in (("/api/v1/models", "models"), ("/api/v0/models", "data"), ("/v1/models", "data")):
            try:
                entries = (await request_json(client, path, hint=START)).get(key)
            except ProviderError as fault:
                if fault.kind not in {"refused", "protocol"}:
                    raise
                refusal = refusal or fault
                continue
            if isinstance(entries, list):
                return _read(entries, Native) if key == "models" else _read(entries, Older)
        host = str(client.base_url).rstrip("/")
        raise refusal or ProviderError(
            f"{host} has no list of models", kind="protocol", hint="does another program listen there?"
        )


def _read(entries: list[Any], cls: type[T]) -> list[T]:
    """Those entries that have the form of a model; another kind of entry costs only itself."""
    read = []
    for entry in entries:
        try:
            read.append(from_reply(entry, cls))
        except ValueError:
            continue
    return read


async def load(client: httpx2.AsyncClient, key: str, context_length: int) -> str:
    """Load a model, and wait for it; a second call would load it a second time.

    Returns:
        What requests must name to reach it.

    Raises:
        ProviderError: It could not be loaded (kind ``server``), or the server cannot be reached.
    """
    body = {"model": key, "context_length": context_length}
    with remedies():
        try:
            reply = await request_json(client, "/api/v1/models/load", body=body, hint=START)
        except ProviderError as fault:
            if any(f"HTTP {status}" in fault.message for status in (400, 404, 422, 500)):
                raise ProviderError(f"Failed to load {key}: {fault.message}", kind="server") from fault
            raise
        try:
            return from_reply(reply, Loaded).instance_id
        except ValueError as exc:
            raise ProviderError(f"Failed to load {key}: {str(reply)[:200]}", kind="server") from exc
