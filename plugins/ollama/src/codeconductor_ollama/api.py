"""Ollama's endpoints: a reply as a value, and a failure as a `ProviderError` with Ollama's own remedy."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from codeconductor import ProviderError, fault_in_reply, from_reply, http_faults, request_json

from codeconductor_ollama.remedies import NOT_OLLAMA, START, remedy
from codeconductor_ollama.wire import InMemory, Running, Shown, Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx2

T = TypeVar("T")


@contextmanager
def faults_of(host: str, model: str = "") -> Iterator[None]:
    """Failures as `ProviderError`, each with what to do about it in Ollama's own terms.

    Args:
        host: Base address.
        model: As the server calls it; empty where a request is about none.
    """
    try:
        with http_faults(host, hint=START):
            yield
    except ProviderError as fault:
        fault.hint = remedy(fault, model) or fault.hint
        raise


async def ask(client: httpx2.AsyncClient, path: str, cls: type[T], body: Mapping[str, Any] | None = None) -> T:
    """Send one request, and read its whole reply as a `cls`; a GET where there is no body.

    Raises:
        ProviderError: The host cannot be reached, says no, or is no Ollama.
    """
    host = str(client.base_url).rstrip("/")
    with faults_of(host, str((body or {}).get("model", ""))):
        return read(await request_json(client, path, body=body, hint=START), cls, host)


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
        raise ProviderError(message, kind="protocol", hint=NOT_OLLAMA) from exc


async def in_memory(client: httpx2.AsyncClient, within: float) -> tuple[InMemory, ...] | None:
    """What is in memory; None: the server does not tell, or not within so many seconds, which is no fault."""
    try:
        async with asyncio.timeout(within):
            running = await ask(client, "/api/ps", Running)
    except (ProviderError, TimeoutError):
        return None
    return running.models


async def version(client: httpx2.AsyncClient) -> str | None:
    """The server's version; None: it does not tell, which is no fault."""
    try:
        return (await ask(client, "/api/version", Version)).version
    except ProviderError:
        return None


async def show(client: httpx2.AsyncClient, name: str, within: float) -> Shown | None:
    """What the server tells of one model; None: nothing, or not within so many seconds: it is a model all the same."""
    try:
        async with asyncio.timeout(within):
            # servers before 0.1.40 or so know `name` alone
            return await ask(client, "/api/show", Shown, {"model": name, "name": name})
    except (ProviderError, TimeoutError):
        return None
