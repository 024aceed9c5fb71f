"""Ollama's endpoints: a reply as a value, and a failure as a `ProviderError` with Ollama's own remedy."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from codeconductor import ProviderError, fault_in_reply, from_reply, http_faults, request_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx2

T = TypeVar("T")

_START = "start it with `ollama serve`, or set OLLAMA_HOST or [providers.ollama] hosts"
_NOT_OLLAMA = "is this an Ollama server, and not too old a one?"
_FREE_MEMORY = "ask a smaller model, or free memory with `ollama stop`"
_NO_CLOUD = "the server refuses this address, or its cloud models are switched off"

# By a short core of the server's words that has been the same in every version seen; the first that fits counts.
_REMEDIES = {
    "page not found": _NOT_OLLAMA,  # the path, not the model
    "not found": "install it with `ollama pull {model}`",
    "unauthorized": "it runs in Ollama's cloud: sign in with `ollama signin`, or ask a local model",
    "cloud is disabled": _NO_CLOUD,
    "HTTP 403": _NO_CLOUD,  # without words where the Host or Origin header is not accepted
    "more system memory": _FREE_MEMORY,
    "out of memory": _FREE_MEMORY,
    "does not support chat": "ask a model with the capability 'completion'",
    "does not support tools": "ask a model with the capability 'tools'",
}


@contextmanager
def faults_of(host: str, model: str = "") -> Iterator[None]:
    """Failures as `ProviderError`, each with what to do about it in Ollama's own terms.

    Args:
        host: Base address.
        model: As the server calls it; empty where a request is about none.
    """
    try:
        with http_faults(host, hint=_START):
            yield
    except ProviderError as fault:
        if fault.kind in {"refused", "server"}:
            fault.hint = _remedy(fault.message, model) or fault.hint
        if not fault.hint and not model:
            fault.hint = _NOT_OLLAMA
        raise


def _remedy(message: str, model: str) -> str | None:
    remedy = next((remedy for words, remedy in _REMEDIES.items() if words in message), None)
    return remedy.format(model=model) if remedy and (model or "{model}" not in remedy) else None


async def ask(client: httpx2.AsyncClient, path: str, cls: type[T], body: Mapping[str, Any] | None = None) -> T:
    """Send one request, and read its whole reply as a `cls`; a GET where there is no body.

    Raises:
        ProviderError: The host cannot be reached, says no, or is no Ollama.
    """
    host = str(client.base_url).rstrip("/")
    with faults_of(host, str((body or {}).get("model", ""))):
        return read(await request_json(client, path, body=body, hint=_START), cls, host)


def read(data: Mapping[str, Any], cls: type[T], host: str) -> T:
    """A reply, or one line of a stream, as a `cls`; its `error` is looked for before anything else.

    Raises:
        ProviderError: It tells of an error, or is not of the form that Ollama's replies have.
    """
    fault = fault_in_reply(data, host)
    if fault is not None:
        raise fault
    try:
        return from_reply(data, cls)
    except ValueError as exc:
        message = f"{host} gave a reply that is not one of Ollama's: {exc}"
        raise ProviderError(message, kind="protocol", hint=_NOT_OLLAMA) from exc
