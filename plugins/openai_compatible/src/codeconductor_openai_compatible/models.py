"""What OpenAI-compatible servers tell of their models, as `Model` values; no I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import attrs
from codeconductor import Model

from codeconductor_openai_compatible.wire import Entry, Generation, Meta, Props

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LLAMACPP = "llamacpp"
_BATCHING = frozenset({"vllm", "sglang"})
_SERVERS = {LLAMACPP: "llama.cpp", "vllm": "vLLM", "sglang": "SGLang"}
"""What servers call themselves in `owned_by`, and what they are called."""

_BATCH = 8
"""Requests at once for servers that are made for many."""

_NO_CHAT = re.compile(r"embed|minilm|rerank|whisper|(?:^|[^a-z])(?:bge|gte|e5|tts)(?:[^a-z]|$)", re.IGNORECASE)
"""Names of models that make vectors, scores or sound: their servers list them like any other."""

_FILE = re.compile(r"\A(?:[/~.]|[A-Za-z]:[/\\\\])|[/\\].*\.gguf\Z", re.IGNORECASE)
"""An id that is the path of a file on the server's disk."""


def as_models(
    host: str, entries: Sequence[Entry], props: Props | None, is_ready: bool, parallel: int | Literal["auto"]
) -> dict[str, Model]:
    """One host's models by the id that requests must name.

    Args:
        host: Base address.
        entries: Of `/v1/models`.
        props: Of llama.cpp's server, where it is one.
        is_ready: False: the server says that it is still loading its model.
        parallel: As in the settings.
    """
    names = names_of([entry.id for entry in entries])
    models = {entry.id: _as_model(host, names[entry.id], entry, props, is_ready) for entry in entries}
    slots = (props and props.total_slots) or 1
    if any((entry.owned_by or "").lower() in _BATCHING for entry in entries):
        slots = _BATCH
    at_once = slots if parallel == "auto" else parallel
    return {key: attrs.evolve(model, parallel=max(1, at_once)) for key, model in models.items()}


def names_of(ids: Sequence[str]) -> Mapping[str, str]:
    """What each model is called: its id, but of a file its base name, as the server's folders are nobody's business."""
    names: dict[str, str] = {}
    for model in ids:
        name = base_name(model)
        names[model] = model if name in names.values() else name
    return names


def base_name(model: str) -> str:
    """A file's name without its folders; any other id as it is."""
    return re.split(r"[/\\]", model.rstrip("/\\"))[-1] if _FILE.search(model) else model


def _as_model(host: str, name: str, entry: Entry, props: Props | None, is_ready: bool) -> Model:
    meta = entry.meta or Meta()
    window = (props.default_generation_settings if props else Generation()).n_ctx
    return Model(
        provider="openai_compatible",
        name=name,
        host=host,
        server=_server(entry, props),
        kind="embedding" if _NO_CHAT.search(name) else "chat",
        loaded=_is_loaded(entry, props, is_ready),
        loads_apart=_loads_itself(entry, props),
        context_length=next(filter(_is_length, (window, entry.max_model_len, meta.n_ctx, meta.n_ctx_train)), None),
        size=meta.size or None,
        parameters=meta.n_params or None,
        capabilities=_capabilities(entry, props),
        digest=root_of(entry),
    )


def _is_length(tokens: int | None) -> bool:
    """Zero, or less, is what servers say that do not know."""
    return tokens is not None and tokens > 0


def _server(entry: Entry, props: Props | None) -> str | None:
    name = _SERVERS.get((entry.owned_by or "").lower())
    return f"{name} {props.build_info}" if name and props and props.build_info else name


def root_of(entry: Entry) -> str | None:
    """What is served under this name: vLLM may serve a model under several."""
    return entry.root if (entry.owned_by or "").lower() in _BATCHING else None


def _loads_itself(entry: Entry, props: Props | None) -> bool:
    """Whether its load is to be waited for, as llama.cpp's when it starts; a router, or a sleeper, wants a request."""
    by_request = (entry.status and entry.status.value) or (props and props.is_sleeping)
    return not by_request


def _is_loaded(entry: Entry, props: Props | None, is_ready: bool) -> bool | None:
    """What the server tells, where it does; one that loads its models on demand does not."""
    if not is_ready:
        return False
    if entry.status and entry.status.value:
        return entry.status.value == "loaded"
    if props is not None:
        return not props.is_sleeping
    return True if _is_length(entry.max_model_len) else None


def _capabilities(entry: Entry, props: Props | None) -> frozenset[str]:
    told = props.modalities if props and isinstance(props.modalities, dict) else {}
    inputs = entry.architecture.get("input_modalities") if isinstance(entry.architecture, dict) else None
    sees = told.get("vision") or (isinstance(inputs, list) and "image" in inputs)
    return frozenset({"vision"} if sees else ())
