"""The renderer ``jinja``: chooses a template, and writes the prompt with it."""

from __future__ import annotations

import traceback
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from codeconductor import Consensus, InputError, Prompt, config_folder, nearest

from codeconductor_prompt_jinja.fitting import fit
from codeconductor_prompt_jinja.lookup import SUFFIX, Lookup, Source
from codeconductor_prompt_jinja.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from codeconductor import PromptLimits, Task, Template

    from codeconductor_prompt_jinja.sandbox import PromptEnvironment

GENERIC = "generic"

REQUIRED = {
    "function": ("code", "requirements"),
    "class": ("code", "requirements"),
    "api": ("code", "requirements"),
    "test": ("code", "tests"),
    "bugfix": ("code", "approach", "requirements"),
    "refactor": ("code", "approach", "requirements"),
    "question": ("answer", "text"),
}
"""Of which fields a kind's template needs at least one; without any the generic template is taken.

Not for a question: the generic template has the project's files changed, and a question must not.
"""


class JinjaRenderer:
    """Writes prompts from Jinja templates, by the task's kind or by the name or path that the user gave."""

    name = "jinja"

    def render(self, task: Task, consensus: Consensus, limits: PromptLimits) -> Prompt:
        """Write the prompt.

        Raises:
            InputError: The template does not exist, or is wrong; the message has its name and line.
        """
        view = View(task, consensus)
        environment = _environment(task.project.root, config_folder())
        warnings: list[str] = []
        name = limits.template or _by_content(task.kind, view, environment.lookup, warnings)
        source = environment.lookup.find(name, limits.template_root)
        with _explained(source, environment.lookup):
            fitted = fit(view, limits, lambda data: environment.render(source.key, data))
        return Prompt(
            text=fitted.text.strip("\n") + "\n",
            template=name,
            warnings=(*warnings, *view.warnings, *fitted.warnings),
        )

    def check(self, task: Task, limits: PromptLimits) -> None:
        """Compile the template that was asked for, else those that the task may get, and all that these name.

        Raises:
            InputError: It does not exist, is no template, or reads what no prompt has; the message has its name and
                line.
        """
        root = task.project.root
        lookup = Lookup(root)
        if limits.template is None and not lookup.has_own():
            return
        data = View(task, Consensus(outcome={}, agreement=0.0)).data(limits)
        for name in (limits.template,) if limits.template else (_by_kind(task.kind, lookup), GENERIC):
            source = lookup.find(name, limits.template_root)
            with _explained(source, lookup):
                _environment(root, config_folder()).check(source.key, data)

    def templates(self, root: Path) -> Sequence[Template]:
        """Every template in reach, by name; of one name in the order in which they are looked for."""
        return Lookup(root).templates()


@lru_cache(maxsize=8)
def _environment(root: Path, _user: Path) -> PromptEnvironment:
    """The sandbox for a project and a user; Jinja is imported here, when the first prompt is written."""
    from codeconductor_prompt_jinja.sandbox import PromptEnvironment

    return PromptEnvironment(root)


def _by_kind(kind: str, lookup: Lookup) -> str:
    return kind if lookup.named(kind + SUFFIX) else GENERIC


def _by_content(kind: str, view: View, lookup: Lookup, warnings: list[str]) -> str:
    present = {
        "code": view.consensus["code"],
        "text": view.consensus["outcome"].get("text"),
        **view.consensus["agreed"],
    }
    needed = REQUIRED.get(kind, ())
    if needed and not any(present[field] for field in needed):
        missing = " and no ".join(needed)
        missing = f"no {missing} came out, which the template {kind!r} needs"
        if kind != "question":
            warnings.append(f"{missing}: {GENERIC!r} is used")
            return GENERIC
        warnings.append(f"{missing}: the question is handed on without an answer")
    return _by_kind(kind, lookup)


@contextmanager
def _explained(source: Source, lookup: Lookup) -> Iterator[None]:
    """Turn what goes wrong in a user's template into an `InputError` with its name and line.

    What goes wrong in our own templates alone is a fault of ours, and goes on as it is.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as exc:
        place, line = _place(exc, source, lookup)
        if source.ours and place.ours:
            raise
        at = f", line {line}" if line else ""
        raise InputError(f"template {place.shown}{at}: {_what(exc)}", hint=_advice(exc, lookup)) from exc


def _place(exc: Exception, source: Source, lookup: Lookup) -> tuple[Source, int | None]:
    """The template and the line that an exception comes from: the innermost one on its way."""
    from pathlib import Path

    from jinja2 import TemplateSyntaxError

    if isinstance(exc, TemplateSyntaxError) and exc.filename:
        where: tuple[str, int | None] = (exc.filename, exc.lineno)
    else:
        frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(exc.__traceback__)]
        templates = [frame for frame in frames if frame[0].endswith(".j2") or frame[0] == str(source.path)]
        where = templates[-1] if templates else (str(source.path), None)
    path = Path(where[0])
    return (source if path == source.path else lookup.at(path, str(path))), where[1]


def _what(exc: Exception) -> str:
    from jinja2 import TemplateError, TemplateNotFound, TemplatesNotFound

    if isinstance(exc, TemplatesNotFound):
        return f"no template {' or '.join(map(repr, exc.templates))}"
    if isinstance(exc, TemplateNotFound):
        return f"no template {exc.name!r}"
    if isinstance(exc, RecursionError):
        return "it goes in a circle: a template, a block or a macro that leads to itself"
    if isinstance(exc, TemplateError):
        return exc.message or type(exc).__name__
    return f"{type(exc).__name__}: {exc}"


def _advice(exc: Exception, lookup: Lookup) -> str:
    from jinja2 import TemplateNotFound, UndefinedError
    from jinja2.exceptions import SecurityError

    unknown = exc.name if isinstance(exc, TemplateNotFound) else getattr(exc, "unknown", None)
    if unknown:
        close = nearest(unknown.removesuffix(SUFFIX), lookup.names())
        return f"did you mean {close + SUFFIX!r}?" if close else "`conductor templates` lists those in reach"
    if isinstance(exc, UndefinedError):
        return "a template sees task, consensus, project and limits; what may be missing is read with `| default(…)`"
    if isinstance(exc, SecurityError):
        return "templates run in a sandbox: they put together what they are given, and do nothing else"
    return "correct the template; `conductor templates` shows the built-in ones"
