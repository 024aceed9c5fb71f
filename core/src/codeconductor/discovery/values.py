"""A model, a problem, and all that discovery found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import attrs

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import UnionType

Offer = Literal["always", "fallback", "named"]


_COUNTS = ("context_length", "max_context_length", "size", "memory", "parameters", "parallel", "slots")


def _default_id(model: Model) -> str:
    return f"{model.provider}/{model.name}"


def _texts(texts: Iterable[str]) -> frozenset[str]:  # a type checker cannot see through `converter=frozenset`
    return frozenset(texts)


def _storable(text: str) -> str:
    """The text as UTF-8 can hold it: half a character, which JSON may have, becomes ``?``."""
    return text.encode("utf-8", "replace").decode("utf-8") if isinstance(text, str) else text


def _check(value: object, names: tuple[str, ...], kind: type | UnionType) -> None:
    for name in names:
        given = getattr(value, name)
        if not isinstance(given, kind):
            wanted = kind.__name__ if isinstance(kind, type) else str(kind)
            raise TypeError(f"{type(value).__name__}.{name}: expected {wanted}, got {given!r}")


@frozen(kw_only=True)
class Model:
    """One model as its server offers it; None means that the server does not tell.

    Attributes:
        provider: Who serves it; with `name` it makes the id.
        name: As the server calls it.
        host: Base address of its server.
        server: What serves it, with its version where it tells, such as ``"Ollama 0.30.1"``.
        server_hint: What to do about a server that cannot do what newer versions of it can; None: nothing.
        kind: Embedding models are listed and never asked to write.
        loaded: Whether it is in memory; asking one that is not costs a load.
        loads_apart: Its provider loads it as a step of its own, which the empty first chunk ends: such loads go on
            beside the answers of other models, one at a time on a host. Otherwise the question itself makes the
            server load it, and it is asked while its host does nothing else that needs a load.
        remote: It runs on somebody else's computer; asked only when named.
        offer: Whether it is there for everyone; only where no other chat model is reachable (``"fallback"``); or only
            where its provider is named (``"named"``). It is listed just where it would be asked.
        context_length: Tokens that prompt and answer share: those in force when it is loaded, else the most it can.
        max_context_length: Tokens that its provider can raise that to for a long prompt; None: it cannot.
        size: Bytes on disk.
        memory: Bytes it takes in memory now.
        parameters: Count of weights.
        quantization: Such as ``"Q4_K_M"``.
        capabilities: Such as ``"tools"``, ``"vision"``, ``"thinking"``.
        parallel: Requests that its host can hold at once, over all of its models; None: one.
        slots: Requests that this model can hold at once; None: as many as its host.
        digest: Hash of its content: two names of one host with the same digest are the same model.
        id: ``provider/name``; where the same provider has the name on several hosts, ``provider/name@host:port``.
            Half a character in it becomes ``?``, since it is stored.
        plugin: Name of the plugin that discovered it; filled in by `discover`.
    """

    provider: str
    name: str
    host: str
    server: str | None = None
    server_hint: str | None = None
    kind: Literal["chat", "embedding"] = "chat"
    loaded: bool | None = None
    loads_apart: bool = False
    remote: bool = False
    offer: Offer = "always"
    context_length: int | None = None
    max_context_length: int | None = None
    size: int | None = None
    memory: int | None = None
    parameters: int | None = None
    quantization: str | None = None
    capabilities: frozenset[str] = attrs.field(default=frozenset(), converter=_texts)
    parallel: int | None = None
    slots: int | None = None
    digest: str | None = None
    id: str = attrs.field(default=attrs.Factory(_default_id, takes_self=True), converter=_storable)
    plugin: str | None = attrs.field(default=None, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Refuse what a plugin would otherwise learn of only by the failure of a stage.

        Raises:
            TypeError: A name is no text, or a count is no whole number.
            ValueError: A host or a model that holds fewer than no requests.
        """
        _check(self, ("provider", "name", "host", "id"), str)
        _check(self, ("server", "server_hint"), str | None)
        _check(self, _COUNTS, int | None)
        if (self.parallel or 0) < 0 or (self.slots or 0) < 0:
            raise ValueError(f"{self.id}: parallel and slots cannot be negative: {self.parallel}, {self.slots}")


@frozen(kw_only=True)
class Problem:
    """A host that could not be asked, or a plugin that failed.

    Attributes:
        provider: The provider's name.
        host: Base address; None when the plugin itself failed.
        error: What happened.
        hint: What to do about it.
        offer: As for a `Model`: that a fallback cannot be asked matters only where it would be.
    """

    provider: str
    host: str | None = None
    error: str
    hint: str | None = None
    offer: Offer = "always"

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot be shown.

        Raises:
            TypeError: What should be text is something else.
        """
        _check(self, ("provider", "error"), str)
        _check(self, ("host", "hint"), str | None)


@frozen
class Discovery:
    """What was found: models in the order of their ids, and what could not be asked."""

    models: tuple[Model, ...]
    problems: tuple[Problem, ...]
