"""Ollama's endpoints: one request and its reply as a value, failures as `ProviderError` with Ollama's own remedy."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from codeconductor import ProviderError, checked, fault_of_status, from_reply, http_faults, json_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx2

T = TypeVar("T")

START = "start it with `ollama serve`, or set OLLAMA_HOST or [providers.ollama] hosts"
"""What to do where nothing answers."""

_NOT_OLLAMA = "is this an Ollama server, and not too old a one?"

# Matched by a short core that has been the same in every version seen.
_REMEDIES_BY_WORDS = {
    "more system memory": "ask a smaller model, or free memory with `ollama stop`",
    "out of memory": "ask a smaller model, or free memory with `ollama stop`",
    "does not support chat": "ask a model with the capability 'completion'",
    "does not support tools": "ask a model with the capability 'tools'",
}
_REMEDIES_BY_STATUS = {
    401: "this model runs in Ollama's cloud: sign in with `ollama signin`, or ask a local model",
    403: "the server refuses this address (OLLAMA_ORIGINS), or its cloud models are switched off",
}


@contextmanager
def faults_of(host: str) -> Iterator[None]:
    """Failures to reach the host as `ProviderError`, with what to do."""
    with http_faults(host, hint=START):
        yield


async def ask(
    client: httpx2.AsyncClient,
    method: str,
    path: str,
    cls: type[T],
    body: Mapping[str, Any] | None = None,
) -> T:
    """Send one request, and read its whole reply as a `cls`.

    Raises:
        ProviderError: The host cannot be reached, says no, or is no Ollama.
    """
    with faults_of(host_of(client)):
        response = await client.request(method, path, json=body)
        await accepted(response, str((body or {}).get("model", "")))
        data = json_object(response.content.decode("utf-8", "replace"))
    return read(data, cls, host_of(client), str((body or {}).get("model", "")))


async def accepted(response: httpx2.Response, model: str) -> None:
    """Nothing where the response is a success; else the `ProviderError` that it tells.

    Args:
        response: May still be unread.
        model: As the server calls it, for the remedy; empty where the request is about none.
    """
    try:
        await checked(response)
    except ProviderError as fault:
        is_text = response.headers.get("content-type", "").startswith("text/")
        if response.status_code == 404 and (is_text or not model):
            fault.hint = _NOT_OLLAMA  # its own 404 for a missing model is JSON
        elif response.status_code == 404:
            fault.hint = f"install it with `ollama pull {model}`"
        else:
            fault.hint = _remedy(fault.message) or _REMEDIES_BY_STATUS.get(response.status_code) or fault.hint
        raise


def read(data: Mapping[str, Any], cls: type[T], host: str, model: str) -> T:
    """A reply, or one line of a stream, as a `cls`; its `error` is checked before anything else.

    Raises:
        ProviderError: It tells of an error, or is not of the form that Ollama's replies have.
    """
    if data.get("error"):
        raise _told(data, host, model)
    try:
        return from_reply(data, cls)
    except ValueError as exc:
        message = f"{host} gave a reply that is not one of Ollama's: {exc}"
        raise ProviderError(message, kind="protocol", hint=_NOT_OLLAMA) from exc


def _told(data: Mapping[str, Any], host: str, model: str) -> ProviderError:
    """The failure that an error object tells under the status 200."""
    known = fault_of_status(500, json.dumps(data), host)
    said = known.message.partition(": ")[2]
    return ProviderError(f"{host} failed to answer as {model or host}: {said}", kind=known.kind, hint=known.hint)


def _remedy(message: str) -> str | None:
    return next((remedy for words, remedy in _REMEDIES_BY_WORDS.items() if words in message), None)


def host_of(client: httpx2.AsyncClient) -> str:
    """The client's base address as it was configured."""
    return str(client.base_url).rstrip("/")
