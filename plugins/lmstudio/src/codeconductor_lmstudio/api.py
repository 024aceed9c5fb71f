"""LM Studio's endpoints: the lists of its three families, told apart by their shapes, and loading.

An unknown path answers with status 200 and an error, so a status proves nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from codeconductor import ProviderError, from_reply, request_json

from codeconductor_lmstudio.wire import Instance, InstanceConfig, Loaded, Native, Older

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx2
    from codeconductor import Session

T = TypeVar("T", Native, Older)

START = "start it with `lms server start`, or in the app's developer page; or set [providers.lmstudio] hosts"
"""What to do where nothing answers."""

_TOKENS = ("env:LM_API_TOKEN", "env:LMSTUDIO_API_TOKEN")
"""As the documentation and as the SDK name it."""

_LOG = "`lms log stream` shows what the server does"

_BY_STATUS = {
    401: "set LM_API_TOKEN to a token of this server's (developer page, API tokens)",
    403: "give the token in LM_API_TOKEN the permission that it lacks",
}

_GET = "`lms ls` lists what is there, and `lms get` gets a model"

_ANOTHER = "does another program listen there?"

_BY_WORDS = {
    "failed to load": "free memory with `lms unload --all`, or ask a smaller model",
    "startup was aborted": "ask again: another load came between; or load it before, with `lms load`",
    "no models loaded": "load one with `lms load`, or turn on just-in-time loading",
    "model unloaded": "turn off auto-evict in LM Studio, or load the models that are to stay with `lms load`",
    "crashed": f"free memory with `lms unload --all`, or ask a smaller model; {_LOG}",
    "compute error": f"free memory with `lms unload --all`, or ask a smaller model; {_LOG}",
}
"""Failures that come with several statuses, or with that of a success."""

_GONE = ("no models loaded", "model unloaded", "model_not_loaded", "not loaded")
"""Words of a refusal that another load cures."""

_LOAD_FAILURES = ("failed to load", "startup was aborted")
"""Words for a load that failed, which come with status 400, 404 or 500."""

_LOAD_FAILED = frozenset({400, 422, 500})

_UNKNOWN_PATH = "unexpected endpoint or method"
"""LM Studio's words, with status 200, for a path that it does not know."""


def client_for(session: Session, host: str) -> httpx2.AsyncClient:
    """The client for a host; it sends the token, where one is set, to this host alone."""
    token = next(filter(None, (session.secret(reference) for reference in _TOKENS)), None)
    return session.client(host, key=token.strip() if token else None)


@contextmanager
def remedies(model: str | None = None) -> Iterator[None]:
    """Give failures LM Studio's own remedy, and say whether a load would cure them.

    Args:
        model: That is asked; None: it is not about one.
    """
    try:
        yield
    except ProviderError as fault:
        words = fault.message.lower()
        fault.unloaded = model is not None and any(gone in words for gone in _GONE)
        if fault.kind == "refused" and any(said in words for said in _LOAD_FAILURES):
            fault.kind = "server"  # it did not refuse the question, whatever its status says
        fault.hint = _remedy(fault, words, model) or fault.hint
        raise


def _remedy(fault: ProviderError, words: str, model: str | None) -> str | None:
    if fault.kind == "context_overflow" and model is not None:
        again = f"`lms unload {model}`, then `lms load {model} --context-length N`"
        return f"shorten the task or its context files, or load the model with a longer context: {again}"
    if model is None and (fault.status == 404 or (fault.kind == "protocol" and fault.hint is None)):
        return _ANOTHER
    if fault.status == 404 and fault.kind == "refused":
        return _GET
    if fault.status == 413:
        return fault.hint
    known = _BY_STATUS.get(fault.status or 0) or next((hint for said, hint in _BY_WORDS.items() if said in words), None)
    return known or (_LOG if fault.kind in {"refused", "server"} else None)


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
        raise refusal or ProviderError(f"{host} has no list of models", kind="protocol", hint=_ANOTHER)


def _read(entries: list[Any], cls: type[T]) -> list[T]:
    """Those entries that have the form of a model; another kind of entry costs only itself."""
    read = []
    for entry in entries:
        try:
            read.append(from_reply(entry, cls))
        except ValueError:
            continue
    return read


async def load(client: httpx2.AsyncClient, key: str, context_length: int) -> Instance | None:
    """Load a model, and wait for it; a second call would load it a second time.

    Returns:
        What requests must name to reach it; None: the server, or a proxy before it, does not know this request.

    Raises:
        ProviderError: It could not be loaded (kind ``server``), or the server cannot be reached, or says no.
    """
    body = {"model": key, "context_length": context_length}
    try:
        reply = await request_json(client, "/api/v1/models/load", body=body, hint=START, repeats=False)
    except ProviderError as fault:
        if _is_unknown_path(fault):
            return None
        if fault.status in _LOAD_FAILED or "failed to load" in fault.message.lower():
            raise ProviderError(f"Failed to load {key}: {fault.message}", kind="server") from fault
        raise
    if _UNKNOWN_PATH in str(reply.get("error")).lower():
        return None
    try:
        name = from_reply(reply, Loaded).instance_id
    except ValueError as exc:
        raise ProviderError(f"Failed to load {key}: {str(reply)[:200]}", kind="server") from exc
    return Instance(id=name, config=InstanceConfig(context_length=context_length))


def _is_unknown_path(fault: ProviderError) -> bool:
    """Whether it is about the path, and not about the model, which LM Studio names in a refusal."""
    words = fault.message.partition(": ")[2].lower()
    return fault.status in {405, 501} or (fault.status == 404 and "model" not in words)
