"""Consensus ─▶ **prompt** ─▶ coder: what the coding agent gets, written by a renderer that a plugin brings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, runtime_checkable

import attrs

from codeconductor.dispatch import estimate_tokens
from codeconductor.errors import ConductorError, PluginError, in_words, is_fault
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from codeconductor.consensus import Consensus
    from codeconductor.plugins import PluginInfo
    from codeconductor.session import Session
    from codeconductor.task import Task

T = TypeVar("T")

PACKAGE = "codeconductor-prompt-jinja"
"""The distribution that is named to somebody who has no renderer."""


@frozen(kw_only=True)
class PromptLimits:
    """What a prompt must keep to.

    Attributes:
        max_tokens: Longest prompt, in tokens as `estimate_tokens` counts them.
        template: Name or path of the template that was asked for; None: the renderer's own choice.
        template_root: Folder that such a path is relative to, and no other; None: the current folder, then the
            project's.
    """

    max_tokens: int = 16_000
    template: str | None = None
    template_root: Path | None = None


def _texts(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(texts)


@frozen(kw_only=True)
class Prompt:
    """The text for a coding agent.

    Attributes:
        text: All of it.
        template: What it was made from; None where the renderer has no templates.
        warnings: What is missing or was cut.
        renderer: Filled in by core: the renderer's name.
        tokens: Filled in by core: its estimated length.
    """

    text: str
    template: str | None = None
    warnings: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    renderer: str = ""
    tokens: int = 0


@frozen(kw_only=True)
class Template:
    """A template in reach.

    Attributes:
        name: What ``--template`` finds it by.
        origin: Where it stands.
        path: Its file.
        text: Its source.
        hidden_by: The origin of another one of its name that comes first, or None.
    """

    name: str
    origin: Literal["project", "user", "built-in"]
    path: Path
    text: str = attrs.field(repr=False)
    hidden_by: str | None = None


@runtime_checkable
class PromptRenderer(Protocol):
    """Writes the prompt; ``--renderer`` finds it by its name.

    It may also have ``check(task, limits) -> None``, which raises `InputError` before any model is asked, for a
    template that does not exist or is broken, whether it was asked for or would be chosen for the task; and
    ``templates(root) -> Sequence[Template]``, all in reach from a project's folder, for ``conductor templates``.
    """

    name: str

    def render(self, task: Task, consensus: Consensus, limits: PromptLimits) -> str | Prompt:
        """Write the prompt; a `Prompt` says more than its text alone: the template, and what was cut."""
        ...


def check_renderer(session: Session, task: Task, *, renderer: str, limits: PromptLimits) -> None:
    """Refuse, before any model is asked, what `render` could not use.

    Raises:
        InputError: There is no such renderer or template, with the nearest name or the package to install; or the
            template is broken.
        PluginError: The renderer raised something of its own.
    """
    info, chosen = session.plugins.pick("renderer", renderer, session.plugins.prompt_renderers(), PACKAGE)
    check = getattr(chosen, "check", None)
    if check is not None:
        _guarded(info, chosen.name, lambda: check(task, limits))


def list_templates(session: Session, name: str) -> Sequence[Template]:
    """All templates in reach of the renderer of that name."""
    info, renderer = session.plugins.pick("renderer", name, session.plugins.prompt_renderers(), PACKAGE)
    templates = getattr(renderer, "templates", None)
    if templates is None:
        return ()
    return _guarded(info, renderer.name, lambda: tuple(templates(session.root)))


def render(session: Session, task: Task, consensus: Consensus, *, renderer: str, limits: PromptLimits) -> Prompt:
    """Write the prompt with the renderer of that name.

    Raises:
        InputError: A template is wrong; the message has its name and line.
        PluginError: The renderer raised something of its own, or gave something else than text.
    """
    info, chosen = session.plugins.pick("renderer", renderer, session.plugins.prompt_renderers(), PACKAGE)
    prompt = _guarded(info, chosen.name, lambda: _as_prompt(chosen.render(task, consensus, limits)))
    for warning in prompt.warnings:
        session.warn(warning)
    return attrs.evolve(prompt, renderer=chosen.name, tokens=estimate_tokens(prompt.text))


def _as_prompt(result: object) -> Prompt:
    if isinstance(result, Prompt):
        return result
    if isinstance(result, str):
        return Prompt(text=result)
    raise TypeError(f"render gave {type(result).__name__}, not text")


def _guarded(info: PluginInfo, name: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except ConductorError:
        raise
    except BaseException as exc:
        if not is_fault(exc):
            raise
        raise PluginError(
            f"renderer {name!r} of plugin {info.name!r} ({info.distribution}) failed: {in_words(exc)}",
            hint="take another --renderer, and report this to the plugin's author",
        ) from exc
