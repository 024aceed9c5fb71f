"""What commands say of servers: which it is, how many models it has, what they take; and amounts in people's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codeconductor.discovery import Model


@frozen(kw_only=True)
class Server:
    """One server with its models, of which there is at least one."""

    provider: str
    host: str
    models: tuple[Model, ...]

    @property
    def loaded(self) -> list[Model]:
        """Those in memory."""
        return [model for model in self.models if model.loaded]

    @property
    def hint(self) -> str | None:
        """What to do about it; None: nothing."""
        return next((model.server_hint for model in self.models if model.server_hint), None)

    def __str__(self) -> str:
        """Its address, what it is, and how many models it has: all that is known before anything is loaded."""
        name = self.models[0].server or self.provider
        return f"{self.host.rstrip(':')}: {name}, {counted(len(self.models), 'model')}"


def servers(models: Iterable[Model]) -> list[Server]:
    """The servers of these models, in the order of their first ones."""
    found: dict[tuple[str, str], list[Model]] = {}
    for model in models:
        found.setdefault((model.provider, model.host), []).append(model)
    return [Server(provider=provider, host=host, models=tuple(of)) for (provider, host), of in found.items()]


def counted(number: int, noun: str) -> str:
    """Such as "1 model" or "3 models"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def size(count: int | None) -> str:
    """Bytes for people; nothing where they are not known."""
    if count is None:
        return ""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def weights(count: int | None) -> str:
    """A count of weights for people, as model names have it."""
    if count is None:
        return ""
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.0f}M"
