"""LM Studio's lists of models as values, as far as they are used; every field but the name may be missing or null."""

from __future__ import annotations

from typing import Any

from codeconductor import frozen


@frozen(kw_only=True)
class InstanceConfig:
    """What an instance was loaded with: the window in tokens, and the predictions that it runs at once."""

    context_length: int | None = None
    parallel: int | None = None


@frozen(kw_only=True)
class Instance:
    """A model in memory; `id` is what a request must name to reach it."""

    id: str
    config: InstanceConfig | None = None


@frozen(kw_only=True)
class Native:
    """One entry of `/api/v1/models` (0.4.0 and later); sizes in bytes."""

    key: str
    type: str | None = None
    size_bytes: int | None = None
    params_string: str | None = None
    quantization: Any = None
    max_context_length: int | None = None
    loaded_instances: tuple[Instance, ...] | None = None
    capabilities: Any = None


@frozen(kw_only=True)
class Older:
    """One entry of `/api/v0/models` (0.3.6 and later), or of `/v1/models`, which tells the id alone."""

    id: str
    type: str | None = None
    state: str | None = None
    quantization: str | None = None
    max_context_length: int | None = None
    loaded_context_length: int | None = None
    capabilities: Any = None


@frozen(kw_only=True)
class Loaded:
    """The reply to a load, given when it is done."""

    instance_id: str
