"""Replies of OpenAI-compatible servers as values, as far as they are used; only a model's id is sure."""

from __future__ import annotations

from typing import Any

from codeconductor import frozen


@frozen(kw_only=True)
class Meta:
    """llama.cpp's facts about a model's file; sizes in bytes."""

    n_ctx: int | None = None
    n_ctx_train: int | None = None
    n_params: int | None = None
    size: int | None = None


@frozen(kw_only=True)
class Status:
    """State of a model of llama.cpp's router: loaded, loading, unloaded, sleeping, downloading."""

    value: str | None = None


@frozen(kw_only=True)
class Entry:
    """One entry of `/v1/models`.

    vLLM and SGLang tell `max_model_len`, and in `root` what they serve under the name; llama.cpp tells `meta`, and as a
    router `status`.
    """

    id: str
    owned_by: str | None = None
    root: str | None = None
    max_model_len: int | None = None
    meta: Meta | None = None
    status: Status | None = None
    architecture: Any = None


@frozen(kw_only=True)
class Generation:
    """llama.cpp's settings of a slot; the window is that of one slot, in tokens."""

    n_ctx: int | None = None


@frozen(kw_only=True)
class Props:
    """llama.cpp's `/props`."""

    default_generation_settings: Generation
    total_slots: int | None = None
    modalities: Any = None
    is_sleeping: bool | None = None
    build_info: str | None = None
