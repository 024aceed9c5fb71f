"""What LM Studio tells of its models, as `Model` values; no I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import attrs
from codeconductor import Model

from codeconductor_lmstudio.wire import Instance, InstanceConfig, Native, Older

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOTS = 4
"""Predictions at once of a model that does not tell, or is still to be loaded: the default since 0.4.0."""

_OLD = "update LM Studio: before 0.4 its models cannot be loaded apart from a question"

_COUNT = re.compile(r"(?:(\d{1,6})x)?(\d{1,15}(?:\.\d+)?)\s*([KMBT])", re.IGNORECASE)
_UNITS = {"K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}

_COPY = re.compile(r":\d+\Z")
"""The suffix of a second instance of a model."""


def as_models(host: str, entries: Sequence[Native] | Sequence[Older], parallel: int | Literal["auto"]) -> list[Model]:
    """One host's models, each once, however many instances of it are in memory.

    Args:
        host: Base address.
        entries: Of the newest list that the server has.
        parallel: As in the settings.
    """
    older = {entry.id for entry in entries if isinstance(entry, Older)}
    has_states = any(isinstance(entry, Older) and entry.state for entry in entries)  # `/v1/models` tells the id alone
    models = [
        _native(host, entry) if isinstance(entry, Native) else _older(host, entry, has_states)
        for entry in entries
        if isinstance(entry, Native) or base_of(entry.id) == entry.id or base_of(entry.id) not in older
    ]
    if parallel != "auto":
        return [attrs.evolve(model, parallel=parallel, slots=None) for model in models]
    if older:  # one after the other: a load on demand throws out the model that was loaded so before, as it answers
        return [attrs.evolve(model, parallel=1) for model in models]
    at_once = sum(model.slots or 1 for model in models if model.kind == "chat")  # also of those that are still to load
    return [attrs.evolve(model, parallel=max(1, at_once)) for model in models]


def base_of(name: str) -> str:
    """A model's name without the number of an instance: `x:2` is a second copy of `x`."""
    return _COPY.sub("", name)


def instance_of(entry: Native) -> Instance | None:
    """The instance that answers for a loaded model: the one with its own name, else the first."""
    instances = entry.loaded_instances or ()
    return next((one for one in instances if one.id == entry.key), next(iter(instances), None))


def _native(host: str, entry: Native) -> Model:
    instance = instance_of(entry)
    config = (instance and instance.config) or InstanceConfig()
    told = entry.capabilities if isinstance(entry.capabilities, dict) else {}
    names = {"vision": "vision", "trained_for_tool_use": "tools", "reasoning": "thinking"}
    quantization = entry.quantization
    if isinstance(quantization, dict):
        quantization = quantization.get("name")
    return Model(
        provider="lmstudio",
        name=entry.key,
        host=host,
        server="LM Studio 0.4 or later",
        kind=_kind(entry.key, entry.type),
        loaded=instance is not None,
        loads_apart=True,
        context_length=config.context_length or entry.max_context_length or None,
        size=entry.size_bytes or None,
        parameters=parameter_count(entry.params_string),
        quantization=quantization if isinstance(quantization, str) else None,
        capabilities=frozenset(ours for theirs, ours in names.items() if told.get(theirs)),
        slots=max(1, config.parallel or SLOTS),
    )


def _older(host: str, entry: Older, has_states: bool) -> Model:
    told = entry.capabilities if isinstance(entry.capabilities, list) else []
    has = {"tools": "tool_use" in told, "vision": entry.type == "vlm"}
    return Model(
        provider="lmstudio",
        name=entry.id,
        host=host,
        server="LM Studio 0.3.6 or later" if has_states else "LM Studio",
        server_hint=_OLD,
        kind=_kind(entry.id, entry.type),
        loaded=entry.state == "loaded" if entry.state else None,
        context_length=entry.loaded_context_length or entry.max_context_length or None,
        quantization=entry.quantization or None,
        capabilities=frozenset(name for name, there in has.items() if there),
    )


def _kind(name: str, told: str | None) -> Literal["chat", "embedding"]:
    embeds = (told or "").startswith("embedding") or name.startswith("text-embedding-")
    return "embedding" if embeds else "chat"


def parameter_count(text: Any) -> int | None:
    """Weights of "4B", "270M" or "8x7B"; None: it says none."""
    match = _COUNT.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        return None
    return round(int(match[1] or 1) * float(match[2]) * _UNITS[match[3].upper()]) or None
