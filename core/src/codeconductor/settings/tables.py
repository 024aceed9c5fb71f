"""Core's own settings tables, and how a plugin describes its own."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import attrs

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Loosens = Callable[[object, object, Path], bool]

NEEDS_TRUST = "codeconductor.needs_trust"
HELP = "codeconductor.help"
VARIABLE = "codeconductor.variable"
BY_NAME = "codeconductor.by_name"

_HOST_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)*\.?|[0-9a-f:.]*:[0-9a-f:.]*(?:%\w+)?", re.IGNORECASE)
"""A name or address of IP version 4, or one of version 6."""


def setting(
    default: object,
    *,
    help: str = "",
    needs_trust: bool | Loosens = False,
    variable: str | None = None,
    validator: Callable[[Any, Any, Any], object] | None = None,
    converter: Callable[[Any], Any] | None = None,
    by_name: bool = False,
) -> Any:
    """One field of a settings table.

    Args:
        default: The value where no layer has one; an `attrs.Factory` is called each time.
        help: One line for `conductor config` and the reference.
        needs_trust: True for what redirects prompts or runs programs: ignored in an untrusted project's file. A
            function of (new value, value of the weaker layers, project folder) says when that is so; the values are
            as the files have them, unchecked, and where it raises, the new one is ignored.
        variable: The environment variable, not one of ours, that the default is made of where it is set, such as
            ``OLLAMA_HOST``; `conductor config` then names it.
        validator: As in attrs; raise ValueError with what was expected.
        converter: As in attrs, run after the type was checked.
        by_name: The value is a dict of tables by their names, each an attrs class: those of several layers stand
            beside each other, and of the same name the strongest layer's counts as a whole.
    """
    return attrs.field(
        default=default,
        validator=validator,
        converter=converter,
        metadata={NEEDS_TRUST: needs_trust, HELP: help, VARIABLE: variable, BY_NAME: by_name},
    )


def checked_host(text: str) -> str:
    """The host's base address without a trailing slash; ValueError where it is no `http` or `https` URL."""
    parts = urlsplit(text.strip())
    try:
        port_is_valid = parts.port is None or parts.port >= 0
    except ValueError:
        port_is_valid = False
    if parts.scheme not in {"http", "https"} or not _HOST_NAME.fullmatch(parts.hostname or "") or not port_is_valid:
        raise ValueError(f"{text!r} is no URL: expected one like 'http://127.0.0.1:1234'")
    if parts.username or parts.password:
        raise ValueError("a host must not carry a user name or password")
    if parts.query or parts.fragment:
        raise ValueError(f"{text!r} has a query or a fragment: expected one like 'http://127.0.0.1:1234'")
    return text.strip().rstrip("/")


def hosts_setting(default: object, *, help: str = "base addresses of the servers", variable: str | None = None) -> Any:
    """A field for the addresses of model servers: a list of URLs, which a project's file may not change by itself.

    Args:
        default: A tuple of addresses, or an `attrs.Factory` that makes one.
        help: One line for `conductor config` and the reference.
        variable: As for `setting`.
    """
    return setting(
        default,
        help=help,
        needs_trust=True,
        variable=variable,
        converter=lambda hosts: tuple(map(checked_host, hosts)),
    )


def positive(_instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    """The value is a finite number above zero, or None."""
    if value is not None and not 0 < value < math.inf:
        raise ValueError(f"expected a {attribute.name.replace('_', ' ')} above 0, got {value!r}")


def share(_instance: object, _attribute: attrs.Attribute[Any], value: float | None) -> None:
    """The value is between 0 and 1, or None."""
    if value is not None and not 0 <= value <= 1:
        raise ValueError(f"expected a number from 0 to 1, got {value!r}")


def at_least_one(_instance: object, _attribute: attrs.Attribute[Any], value: object) -> None:
    """The value is 1 or more, or a word."""
    if isinstance(value, int) and value < 1:
        raise ValueError(f"expected 1 or more, got {value!r}")


def not_negative(_instance: object, _attribute: attrs.Attribute[Any], value: float | None) -> None:
    """The value is a finite number of 0 or more, or None."""
    if value is not None and not 0 <= value < math.inf:
        raise ValueError(f"expected 0 or more, got {value!r}")


_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def size_in_bytes(text: str) -> int:
    """Bytes of a size such as `"2 GiB"`; ValueError where it is none."""
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,15})?)\s*([a-z]*)", text.strip().lower())
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"expected a size such as '512 MiB' or '2 GiB', got {text!r}")
    return int(float(match[1]) * _UNITS[match[2]])


def _is_size(_instance: object, _attribute: attrs.Attribute[Any], value: str) -> None:
    size_in_bytes(value)


def _is_larger(new: object, current: object, _root: Path) -> bool:
    if isinstance(new, str) and isinstance(current, str):
        try:
            return size_in_bytes(new) > size_in_bytes(current)
        except ValueError:  # refused later
            return False
    return isinstance(new, int | float) and isinstance(current, int | float) and new > current


_STRENGTHS = ("none", "partial", "strong")


def _is_weaker(new: object, current: object, _root: Path) -> bool:
    return new in _STRENGTHS and current in _STRENGTHS and _STRENGTHS.index(new) < _STRENGTHS.index(current)


MOST_SAMPLES = 1000
"""More would keep a machine busy for days, which is more likely a slip than a wish."""


def _is_count_of_samples(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    at_least_one(instance, attribute, value)
    if isinstance(value, int) and value > MOST_SAMPLES:
        raise ValueError(f"expected at most {MOST_SAMPLES}, got {value!r}")


LARGEST_SEED = 2_000_000_000
"""Servers keep 32 bits of a seed, some of them with a sign, and llama.cpp's takes the last of them for "any". What is
left above this is for the seeds that follow, one a sample."""


def _is_seed(_instance: object, _attribute: attrs.Attribute[Any], value: int | None) -> None:
    if value is not None and not 0 <= value <= LARGEST_SEED:
        raise ValueError(f"expected 0 to {LARGEST_SEED}, got {value!r}")


def _leads_outside(new: object, _current: object, root: Path) -> bool:
    return isinstance(new, str) and not (root / new).resolve().is_relative_to(root.resolve())


def _switches_on(new: object, current: object, _root: Path) -> bool:
    return new is not False and current is False


Kind = Literal["auto", "function", "class", "api", "test", "bugfix", "refactor", "question"]


@frozen(kw_only=True)
class RunSettings:
    """`[run]`: what is asked of whom, and how the result is made."""

    strategy: str = setting("auto", help="consensus strategy; 'auto' takes the one that fits best")
    models: tuple[str, ...] = setting((), help="globs that a model's id or name must match; none: every model")
    providers: tuple[str, ...] = setting((), help="providers to ask; none: every provider")
    samples: int | Literal["auto"] = setting(
        "auto",
        help=f"answers per model, at most {MOST_SAMPLES}; 'auto': 1 with two or more models, 5 with a single one",
        validator=_is_count_of_samples,
    )
    timeout: float = setting(30.0, help="seconds a model may generate", validator=positive)
    load_timeout: float = setting(
        120.0, help="further seconds while a model that is not in memory loads", validator=not_negative
    )
    quorum: int | None = setting(None, help="stop waiting once so many answers are in", validator=at_least_one)
    min_confidence: float | None = setting(None, help="exit 5 below this confidence, 0 to 1", validator=share)
    kind: Kind = setting("auto", help="kind of task")
    language: str | None = setting(None, help="programming language; none: found from the task and the project")
    renderer: str = setting("jinja", help="prompt renderer")
    template: str | None = setting(
        None, help="name or path of a prompt template; none: the one of the task's kind", needs_trust=_leads_outside
    )
    max_tokens_prompt: int = setting(16_000, help="longest prompt, in estimated tokens", validator=at_least_one)
    temperature: float | None = setting(
        None, help="sampling temperature; none: the server's own, 0.7 for several samples", validator=not_negative
    )
    seed: int | None = setting(
        None, help=f"first seed, 0 to {LARGEST_SEED}; none: a new one every run", validator=_is_seed
    )
    execute: bool = setting(
        True, help="whether candidates may be run in the sandbox to compare them", needs_trust=_switches_on
    )


@frozen(kw_only=True)
class PluginsSettings:
    """`[plugins]`: which plugins are kept out."""

    disabled: tuple[str, ...] = setting((), help="names of plugins that are never imported", needs_trust=True)


@frozen(kw_only=True)
class SandboxSettings:
    """`[sandbox]`: limits for code that models wrote."""

    memory: str = setting("2 GiB", help="memory of one candidate", validator=_is_size, needs_trust=_is_larger)
    file_size: str = setting("1 GiB", help="largest file it may write", validator=_is_size, needs_trust=_is_larger)
    processes: int = setting(
        256, help="processes that it may have at once", validator=at_least_one, needs_trust=_is_larger
    )
    minimum: Literal["strong", "partial", "none"] = setting(
        "partial", help="in a weaker sandbox code is not run", needs_trust=_is_weaker
    )


@frozen(kw_only=True)
class PromptSettings:
    """`[prompt]`: facts of the project that are put into every prompt."""

    standards: tuple[str, ...] = setting((), help="standards that the code must keep, a line each")
    test_command: str | None = setting(None, help="how the project's tests are run; none: found from its files")


@frozen(kw_only=True)
class HistorySettings:
    """`[history]`: the record of past runs."""

    enabled: bool = setting(True, help="whether runs are recorded", needs_trust=_switches_on)


@frozen(kw_only=True)
class BuildSettings:
    """`[build]`: how code is written and tested."""

    max_copy: str = setting(
        "1 GiB", help="most that a folder may have to be copied", validator=_is_size, needs_trust=_is_larger
    )
    coder: str = setting("local", help="who writes the code where --coder does not say", needs_trust=True)
    rounds: int = setting(3, help="how often code is written and tested at most", validator=at_least_one)
    answer_timeout: float = setting(120.0, help="seconds a model may write code for", validator=positive)


TABLES: dict[str, type] = {
    "run": RunSettings,
    "plugins": PluginsSettings,
    "sandbox": SandboxSettings,
    "prompt": PromptSettings,
    "history": HistorySettings,
    "build": BuildSettings,
}
"""Core's own tables by name; plugins add theirs by the hook `conductor_settings`."""
