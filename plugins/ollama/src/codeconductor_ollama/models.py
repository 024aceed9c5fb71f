"""What Ollama tells of its models, as `Model` values; no I/O."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import attrs
from codeconductor import Model

from codeconductor_ollama.wire import Details, InMemory, Installed, Shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MANIFEST_SIZE = 4096
"""Bytes: no model is as small; the entry of a cloud model has some 400."""

_EMBEDDING_NAME = re.compile(r"embed|minilm|(?:^|[/-])(?:bge|gte|e5)(?:-|$)", re.IGNORECASE)

_SAYS_WHAT_MODELS_CAN = (0, 6, 4)
"""The first version whose servers tell the capabilities of a model."""

_COUNT = re.compile(r"(\d{1,15}(?:\.\d+)?)\s*([KMBT]?)", re.IGNORECASE)
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


def digest_of(entry: Installed | InMemory) -> str | None:
    """The SHA-256 of its manifest; None where what the server says cannot be one, as imitations of Ollama do."""
    digest = (entry.digest or "").removeprefix("sha256:")
    return digest if re.fullmatch("[0-9a-f]{64}", digest) and len(set(digest)) > 4 else None


def is_remote(host: str, entry: Installed, shown: Shown | None = None) -> bool:
    """Whether it runs in somebody else's cloud, behind this server: any sign of it counts."""
    server = urlsplit(host).hostname or ""
    tag = entry.name.rpartition(":")[2]
    details = entry.details or Details()
    return bool(
        server == "ollama.com"
        or server.endswith(".ollama.com")
        or entry.remote_host
        or entry.remote_model
        or (shown and (shown.remote_host or shown.remote_model))
        or tag == "cloud"
        or tag.endswith("-cloud")
        or (entry.details and not details.format and entry.size and entry.size < _MANIFEST_SIZE)
    )


def as_models(
    host: str,
    installed: Sequence[Installed],
    shown: Mapping[str, Shown],
    in_memory: Sequence[InMemory] | None,
    parallel: int | Literal["auto"],
    version: str | None = None,
) -> list[Model]:
    """One host's models.

    Args:
        host: Base address.
        installed: As `/api/tags` lists them.
        shown: What `/api/show` told, by name, of those that it was asked about.
        in_memory: None: the server does not tell.
        parallel: As in the settings.
        version: As the server tells it; None: it does not.
    """
    models = []
    server, hint = f"Ollama {version}" if version else "Ollama", server_hint(version)
    for entry in installed:
        model = _as_model(host, entry, shown.get(entry.name) or Shown(), in_memory)
        if model is not None:
            models.append(model)
    if parallel == "auto":  # a server holds one request per model unless told otherwise, since 0.10
        asked = {model.digest or model.name for model in models if model.kind == "chat"}
        at_once, slots = max(1, len(asked)), 1  # a cold one answers once it is loaded, while the next one loads
    else:
        at_once = slots = parallel
    return [attrs.evolve(model, parallel=at_once, slots=slots, server=server, server_hint=hint) for model in models]


def server_hint(version: str | None) -> str | None:
    """What to do about an old server; builds from source, which say "0.0.0", are as new as can be."""
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", version or "")
    since = tuple(map(int, numbers.groups())) if numbers else ()
    if not any(since) or since >= _SAYS_WHAT_MODELS_CAN:
        return None
    return "update Ollama: before 0.6.4 it does not tell what its models can"


def _as_model(host: str, entry: Installed, shown: Shown, in_memory: Sequence[InMemory] | None) -> Model | None:
    details = entry.details or Details()
    info = shown.model_info or {}
    capabilities = entry.capabilities or shown.capabilities or ()
    kind = _kind(entry.name, details, capabilities, info)
    if kind is None:
        return None
    remote = is_remote(host, entry, shown)
    running = next((one for one in in_memory or () if _is_same(one, entry.name, digest_of(entry))), None)
    longest = _whole(details.context_length) or longest_context(shown)
    return Model(
        provider="ollama",
        name=entry.name,
        host=host,
        kind=kind,
        loaded=None if in_memory is None or remote else running is not None,  # what runs elsewhere is not loaded here
        loads_apart=not remote,
        remote=remote,
        context_length=longest if running is None else _whole(running.context_length),  # servers before 0.10 tell none
        max_context_length=None if remote else longest,
        size=entry.size,
        memory=running.size if running else None,
        parameters=parameter_count(details.parameter_size) or _whole(info.get("general.parameter_count")),
        quantization=details.quantization_level or None,
        capabilities=capabilities,
        digest=digest_of(entry),
    )


def entry_of(model: Model, in_memory: Sequence[InMemory]) -> InMemory | None:
    """What the server tells of a model that is in its memory; None: it is not there."""
    return next((one for one in in_memory if _is_same(one, model.name, model.digest)), None)


def _is_same(running: InMemory, name: str, digest: str | None) -> bool:
    """A name that was pulled anew has another digest than the model that is still in memory under it."""
    theirs = digest_of(running)
    return digest == theirs if digest and theirs else running.name == name


def _kind(
    name: str, details: Details, capabilities: Sequence[str], info: Mapping[str, Any]
) -> Literal["chat", "embedding"] | None:
    """None: it makes pictures or the like, and is nothing to ask. Servers before 0.6.4 tell no capabilities."""
    if capabilities:
        if "completion" in capabilities:
            return "chat"
        return "embedding" if "embedding" in capabilities else None
    families = (details.family or "", *(details.families or ()))
    embeds = (
        any("bert" in family for family in families)
        or any(key.endswith(".pooling_type") for key in info)
        or _EMBEDDING_NAME.search(name)
    )
    return "embedding" if embeds else "chat"


def parameter_count(text: str | None) -> int | None:
    """Weights of "8.2B", "567M" or plain digits; None: it says none."""
    match = _COUNT.fullmatch((text or "").strip())
    return round(float(match[1]) * _UNITS[match[2].upper()]) or None if match else None


def longest_context(shown: Shown | None) -> int | None:
    """The most tokens the model can take; its architecture names the key, mostly."""
    info = (shown and shown.model_info) or {}
    named = _whole(info.get(f"{info.get('general.architecture')}.context_length"))
    others = [value for key, value in info.items() if key.endswith(".context_length")]
    return named or (_whole(others[0]) if len(others) == 1 else None)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
