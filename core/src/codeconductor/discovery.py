"""Task ─▶ **discovery** ─▶ dispatch: which models can be asked, here and now.

Every plugin is asked at once, and every plugin asks its own hosts at once; nobody waits longer than 5 s for a host.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import urlsplit

import attrs

from codeconductor.errors import ConductorError, ProviderError
from codeconductor.events import Discovered
from codeconductor.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from codeconductor.session import Session

HOST_TIMEOUT = 5.0
"""Seconds that one host may take to list its models."""

PLUGIN_TIMEOUT = HOST_TIMEOUT + 0.5
"""Seconds that one plugin may take for all of its hosts, which it asks at once."""


Offer = Literal["always", "fallback", "named"]


def _default_id(model: Model) -> str:
    return f"{model.provider}/{model.name}"


def _texts(texts: Iterable[str]) -> frozenset[str]:  # a type checker cannot see through `converter=frozenset`
    return frozenset(texts)


@attrs.frozen(kw_only=True)
class Model:
    """One model as its server offers it; None means that the server does not tell.

    Attributes:
        provider: Who serves it; with `name` it makes the id.
        name: As the server calls it.
        host: Base address of its server.
        kind: Embedding models are listed and never asked to write.
        loaded: Whether it is in memory; asking one that is not costs a load.
        remote: It runs on somebody else's computer; asked only when named.
        offer: Whether it is there for everyone; only where no other chat model is reachable (``"fallback"``); or only
            where its provider is named (``"named"``). It is listed just where it would be asked.
        context_length: Tokens that prompt and answer share: those in force when it is loaded, else the most it can.
        size: Bytes on disk.
        memory: Bytes it takes in memory now.
        parameters: Count of weights.
        quantization: Such as ``"Q4_K_M"``.
        capabilities: Such as ``"tools"``, ``"vision"``, ``"thinking"``.
        parallel: Requests that its host can hold at once, over all of its models; None: one.
        slots: Requests that this model can hold at once; None: as many as its host.
        id: ``provider/name``; where the same provider has the name on several hosts, ``provider/name@host:port``.
        plugin: Name of the plugin that discovered it; filled in by `discover`.
    """

    provider: str
    name: str
    host: str
    kind: Literal["chat", "embedding"] = "chat"
    loaded: bool | None = None
    remote: bool = False
    offer: Offer = "always"
    context_length: int | None = None
    size: int | None = None
    memory: int | None = None
    parameters: int | None = None
    quantization: str | None = None
    capabilities: frozenset[str] = attrs.field(default=frozenset(), converter=_texts)
    parallel: int | None = None
    slots: int | None = None
    id: str = attrs.field(default=attrs.Factory(_default_id, takes_self=True))
    plugin: str | None = attrs.field(default=None, eq=False, repr=False)


@attrs.frozen(kw_only=True)
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


Found = TypeVar("Found", Model, Problem)


@attrs.frozen
class Discovery:
    """What was found: models in the order of their ids, and what could not be asked."""

    models: tuple[Model, ...]
    problems: tuple[Problem, ...]


async def discover(session: Session) -> Discovery:
    """Ask every plugin at once for its models.

    A plugin that raises, hangs or gives something else costs only itself and becomes a `Problem`.
    """
    asked = session.plugins.discover_models(session)
    before = {fault.plugin for fault in session.plugins.faults if fault.hook == "conductor_discover_models"}
    found = await asyncio.gather(*(_models_of(plugin, models) for plugin, models in asked))
    models: list[Model] = []
    problems = [
        Problem(provider=fault.plugin, error=fault.error, hint=fault.hint)
        for fault in session.plugins.faults
        if fault.hook == "conductor_discover_models" and fault.plugin in before
    ]
    for items in found:
        for item in items:
            if isinstance(item, Model):
                models.append(item)
            else:
                problems.append(item)
    problems = [_blanked(problem, session) for problem in problems]
    discovery = Discovery(_with_ids(_offered(models, models, session), session), _offered(problems, models, session))
    session.events.emit(Discovered(discovery.models, discovery.problems))
    return discovery


async def _models_of(plugin: str, models: Awaitable[Iterable[object]]) -> list[Model | Problem]:
    try:
        async with asyncio.timeout(PLUGIN_TIMEOUT):
            items = list(await models)
    except TimeoutError:
        return [Problem(provider=plugin, error=f"did not list its models within {PLUGIN_TIMEOUT:g} s")]
    except ConductorError as exc:
        return [Problem(provider=plugin, error=exc.message, hint=exc.hint)]
    except Exception as exc:  # noqa: BLE001 - whatever a plugin raises costs only itself
        return [Problem(provider=plugin, error=f"{type(exc).__name__}: {exc}", hint=_report(plugin))]
    wrong = [item for item in items if not isinstance(item, Model | Problem)]
    if wrong:
        error = f"gave {type(wrong[0]).__name__} in place of a Model"
        return [Problem(provider=plugin, error=error, hint=_report(plugin))]
    return [attrs.evolve(item, plugin=plugin) if isinstance(item, Model) else item for item in items]  # type: ignore[misc]


def _blanked(problem: Problem, session: Session) -> Problem:
    """LM Studio's refusal of a token repeats the beginning of it."""
    hint = session.blanked(problem.hint) if problem.hint else None
    return attrs.evolve(problem, error=session.blanked(problem.error), hint=hint)


def _report(plugin: str) -> str:
    return f"this is a fault of the plugin: report it, or put {plugin!r} into [plugins] disabled"


def _offered(items: Iterable[Found], models: Sequence[Model], session: Session) -> tuple[Found, ...]:
    """Leave out what would not be asked: a fallback beside other chat models, and what only counts when named."""
    run = session.settings("run", RunSettings)
    needed = not any(model.offer == "always" and model.kind == "chat" and not model.remote for model in models)

    def counts(item: Found) -> bool:
        prefix = f"{item.provider.lower()}/"
        named = item.provider in run.providers or any(pattern.lower().startswith(prefix) for pattern in run.models)
        if item.offer == "fallback":
            return named or needed or (isinstance(item, Model) and _is_meant(item, run.models))
        return named or item.offer == "always"

    return tuple(item for item in items if counts(item))


def _with_ids(models: Sequence[Model], session: Session) -> tuple[Model, ...]:
    """Tell models of one name on several hosts apart; drop what two plugins both list."""
    unique: dict[tuple[str, str, str], Model] = {}
    for model in models:
        key = (model.provider, model.name, model.host)
        first = unique.setdefault(key, model)
        if first is not model and first.plugin != model.plugin:
            session.warn(f"plugins {first.plugin!r} and {model.plugin!r} both list {model.id}: the first is asked")
    counts = Counter((model.provider, model.name) for model in unique.values())
    named = [
        attrs.evolve(model, id=f"{model.id}@{urlsplit(model.host).netloc or model.host}")
        if counts[model.provider, model.name] > 1
        else model
        for model in unique.values()
    ]
    return tuple(sorted(named, key=lambda model: model.id))


async def discover_hosts(
    provider: str,
    hosts: Sequence[str],
    probe: Callable[[str], Awaitable[Iterable[Model]]],
) -> list[Model | Problem]:
    """Ask all hosts of a provider at once; for the use of plugins.

    Args:
        provider: Named in problems.
        hosts: Base addresses.
        probe: Lists one host's models. A `ProviderError` that it raises, or 5 s without an answer, makes a `Problem`
            of that host and leaves the others alone.

    Returns:
        Models and problems, in the order of the hosts.
    """

    async def ask(host: str) -> list[Model | Problem]:
        try:
            async with asyncio.timeout(HOST_TIMEOUT):
                return list(await probe(host))
        except TimeoutError:
            error = f"{host} did not list its models within {HOST_TIMEOUT:g} s"
            return [Problem(provider=provider, host=host, error=error, hint="is it busy, or another program?")]
        except ProviderError as exc:
            return [Problem(provider=provider, host=host, error=exc.message, hint=exc.hint)]

    return [item for items in await asyncio.gather(*map(ask, hosts)) for item in items]


def matches(model: Model, pattern: str) -> bool:
    """Whether a glob matches a model's id or its name; case does not count."""
    pattern = pattern.lower()
    return any(fnmatchcase(text.lower(), pattern) for text in (model.id, model.name))


def choose(models: Iterable[Model], *, patterns: Sequence[str] = (), providers: Sequence[str] = ()) -> list[Model]:
    """The models that a run asks: chat models that match, loaded ones first.

    A remote model is asked only when a pattern names it.
    """
    chosen = []
    for model in models:
        named = any(matches(model, pattern) for pattern in patterns)
        if model.kind != "chat" or (patterns and not named) or (providers and model.provider not in providers):
            continue
        if model.remote and not _is_meant(model, patterns):
            continue
        chosen.append(model)
    return sorted(chosen, key=lambda model: (model.loaded is False, model.id))


def _is_meant(model: Model, patterns: Sequence[str]) -> bool:
    """A bare `*` names everything, and so nothing in particular: it does not send a prompt to somebody else."""
    return any(matches(model, pattern) and pattern.strip("*?") for pattern in patterns)
