"""Which of the models that were found are listed, under which ids, and which of them a run asks."""

from __future__ import annotations

from collections import Counter
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

import attrs

from codeconductor.discovery.memory import is_too_large, memory_in_words
from codeconductor.discovery.values import Discovery, Model, Problem
from codeconductor.errors import nearest
from codeconductor.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from codeconductor.session import Session

Found = TypeVar("Found", Model, Problem)


def offered(items: Iterable[Found], models: Sequence[Model], session: Session) -> tuple[Found, ...]:
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


def with_ids(models: Sequence[Model], session: Session) -> tuple[Model, ...]:
    """Tell models of one name on several hosts apart; drop what two plugins both list."""
    unique: dict[tuple[str, str], Model] = {}
    for model in models:
        first = unique.setdefault((model.id, model.host), model)
        if first is not model and first.plugin != model.plugin:
            session.warn(f"plugins {first.plugin!r} and {model.plugin!r} both list {model.id}: the first is asked")
    hosts = Counter(model.id for model in unique.values())
    at = Counter((model.id, _address(model.host)) for model in unique.values())

    def told_apart(model: Model) -> str:
        if hosts[model.id] == 1:
            return model.id
        address = _address(model.host)
        return f"{model.id}@{address if at[model.id, address] == 1 else model.host}"

    named = [attrs.evolve(model, id=told_apart(model)) for model in unique.values()]
    return tuple(sorted(named, key=lambda model: model.id))


def _address(host: str) -> str:
    """``host:port`` of a base address; what has none, such as ``memory:``, stays as it is."""
    return host.partition("://")[2].partition("/")[0] or host


def known_providers(session: Session, found: Discovery) -> frozenset[str]:
    """Names that ``--provider`` may have: of what was found or failed, and of every plugin that looks for models."""
    names = {model.provider for model in found.models} | {problem.provider for problem in found.problems}
    plugins = session.plugins.infos.values()
    return frozenset(names | {info.name for info in plugins if "conductor_discover_models" in info.hooks})


def matches(model: Model, pattern: str) -> bool:
    """Whether a glob matches a model's id or its name; case does not count."""
    pattern = pattern.lower()
    return any(fnmatchcase(text.lower(), pattern) for text in (model.id, model.name))


def nearest_model(pattern: str, models: Sequence[Model]) -> str | None:
    """The id of the model whose id or name is most like a pattern that matches none; None: none is like it."""
    ids = {model.name: model.id for model in models} | {model.id: model.id for model in models}
    found = nearest(pattern, ids)
    return None if found is None else ids[found]


def in_reach(models: Iterable[Model], asked: Sequence[Model] = ()) -> list[Model]:
    """The chat models that a strategy may ask: of those on somebody else's computer only what is asked anyway."""
    return [model for model in models if model.kind == "chat" and (not model.remote or model in asked)]


def to_ask(session: Session, models: Sequence[Model]) -> list[Model]:
    """`order_of_asking`, with a warning of what is left out."""
    run = session.settings("run", RunSettings)
    asked = order_of_asking(session, models)
    ids = {model.id for model in asked}
    left_out = [m for m in choose(models, patterns=run.models, providers=run.providers) if m.id not in ids]
    for model in left_out:
        if model.remote:
            session.warn(
                f"{model.id} runs on somebody else's computer and is not asked: the project's file that names it "
                "is not trusted (`conductor config trust` trusts it as it stands)"
            )
    large = [model.id for model in left_out if not model.remote]
    if large:
        are = "is" if len(large) == 1 else "are"
        session.warn(
            f"{', '.join(large)} {are} larger than this machine's memory of {memory_in_words()} "
            f"and {are} not asked: --model asks a model all the same"
        )
    return asked


def order_of_asking(session: Session, models: Sequence[Model]) -> list[Model]:
    """The models that a run in this session asks, those first that are asked first.

    An untrusted project's file may name models of this machine, but none on somebody else's computer: a cloned
    repository must not redirect prompts. A model that is too large for this machine would cost every run a load that
    fails; it is asked only where it is named, or where there is no other.
    """
    run = session.settings("run", RunSettings)
    chosen = choose(models, patterns=run.models, providers=run.providers)
    if not session.is_trusted("run", "models"):
        chosen = [model for model in chosen if not model.remote]
    if run.models:
        return chosen
    return [model for model in chosen if not is_too_large(model)] or chosen


def choose(models: Iterable[Model], *, patterns: Sequence[str] = (), providers: Sequence[str] = ()) -> list[Model]:
    """The models that a run asks: chat models that match, loaded ones first.

    A remote model is asked only when it is named: by its exact id or name, or by a glob that matches remote models
    alone. Two names of one host with the same digest are one model, and one voice: the shorter name is asked, unless
    patterns choose.
    """
    candidates = [model for model in models if model.kind == "chat" and (not providers or model.provider in providers)]
    chosen = []
    for model in candidates:
        naming = [pattern for pattern in patterns if matches(model, pattern)]
        if patterns and not naming:
            continue
        if model.remote and not any(_names_remote(pattern, model, candidates) for pattern in naming):
            continue
        chosen.append(model)
    if not patterns:
        chosen = _one_voice_each(chosen)
    return sorted(chosen, key=lambda model: (model.loaded is False, model.id))


def _names_remote(pattern: str, model: Model, candidates: Sequence[Model]) -> bool:
    if pattern.lower() in (model.id.lower(), model.name.lower()):
        return True
    return _is_specific(pattern) and all(other.remote for other in candidates if matches(other, pattern))


def _is_meant(model: Model, patterns: Sequence[str]) -> bool:
    """Whether a glob names a fallback by its own name; `llama*` means no provider whose name begins like that."""
    name = model.name.lower()
    return any(_is_specific(pattern) and fnmatchcase(name, pattern.lower()) for pattern in patterns)


def _is_specific(pattern: str) -> bool:
    """Whether a glob says anything of a model's name: `*`, `*:*` and `ollama/*` do not."""
    return any(map(str.isalnum, pattern.rpartition("/")[2]))


def _one_voice_each(models: Iterable[Model]) -> list[Model]:
    voices: dict[tuple[str, str, str], Model] = {}
    for model in sorted(models, key=lambda model: (len(model.name), model.name)):
        voices.setdefault((model.provider, model.host, model.digest or model.name), model)
    return list(voices.values())
