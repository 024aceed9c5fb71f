"""Ollama's replies as values, as far as they are used.

Every field may be missing or null: Go leaves out what is empty, and writes null for some empty lists.
"""

from __future__ import annotations

from typing import Any

from codeconductor import frozen


@frozen(kw_only=True)
class Details:
    """Facts about a model's file; the format is empty for a cloud model."""

    format: str | None = None
    family: str | None = None
    families: tuple[str, ...] | None = None
    parameter_size: str | None = None
    quantization_level: str | None = None
    context_length: int | None = None


@frozen(kw_only=True)
class Installed:
    """One entry of `/api/tags`; sizes in bytes."""

    name: str
    size: int | None = None
    digest: str | None = None
    details: Details | None = None
    capabilities: tuple[str, ...] | None = None
    remote_model: str | None = None
    remote_host: str | None = None


@frozen(kw_only=True)
class Tags:
    """`/api/tags`: what is installed. The field is there on every Ollama server, if null."""

    models: tuple[Installed, ...]


@frozen(kw_only=True)
class InMemory:
    """One entry of `/api/ps`; sizes in bytes, the context in force in tokens.

    It expires at a fixed time, but at another one on every look while it still loads, or answers for the first time.
    """

    name: str
    size: int | None = None
    digest: str | None = None
    context_length: int | None = None
    expires_at: str | None = None


@frozen(kw_only=True)
class Running:
    """`/api/ps`: what is in memory."""

    models: tuple[InMemory, ...]


@frozen(kw_only=True)
class Version:
    """`/api/version`: such as "0.30.1"; builds from source say "0.0.0"."""

    version: str | None = None


@frozen(kw_only=True)
class Shown:
    """`/api/show`: facts about one model."""

    model_info: dict[str, Any] | None = None
    capabilities: tuple[str, ...] | None = None
    remote_model: str | None = None
    remote_host: str | None = None


@frozen(kw_only=True)
class Function:
    """What a model wants called; the arguments are an object."""

    name: str
    arguments: Any = None


@frozen(kw_only=True)
class Call:
    """One entry of a message's `tool_calls`."""

    function: Function
    id: str | None = None


@frozen(kw_only=True)
class Said:
    """A piece of a message."""

    content: str | None = None
    thinking: str | None = None
    tool_calls: tuple[Call, ...] | None = None


@frozen(kw_only=True)
class Line:
    """One line of a streamed `/api/chat`; the last has `done` or a `done_reason`, the counts and the durations (ns)."""

    model: str | None = None
    message: Said | None = None
    done: bool | None = None
    done_reason: str | None = None
    prompt_eval_count: int | None = None
    eval_count: int | None = None
    load_duration: int | None = None
    remote_host: str | None = None

    @property
    def is_last(self) -> bool:
        """Some MLX streams end with a `done_reason` alone."""
        return bool(self.done or self.done_reason)


@frozen(kw_only=True)
class Loaded:
    """The reply to a `/api/generate` without a prompt."""

    done_reason: str | None = None
