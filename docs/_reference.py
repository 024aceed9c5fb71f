"""The reference of commands, settings and hooks, read out of the code, as lines of Markdown."""

from __future__ import annotations

import inspect
import os
import re
from typing import TYPE_CHECKING, Any

import _our
import attrs
import click
from codeconductor import hookspecs
from codeconductor.cli.group import COMMANDS, conductor
from codeconductor.cli.run import command as run_command
from codeconductor.converters import expected, to_plain
from codeconductor.plugins import CORE
from codeconductor.settings import TABLES
from codeconductor.settings.layers import _SENSITIVE
from codeconductor.settings.tables import HELP, NEEDS_TRUST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from codeconductor.plugins import PluginInfo

WIDTH = 100
"""Columns of a help text."""


def commands() -> Iterator[str]:
    """Each command with its help."""
    yield from _help("conductor", conductor)
    ours = sorted(name for name, is_ours in _our.command_names().items() if is_ours)
    for name in [*COMMANDS, *ours]:
        command = conductor.get_command(click.Context(conductor, info_name="conductor"), name)
        assert command is not None
        yield from _help(f"conductor {name}", command)
        if isinstance(command, click.Group):
            for inner in sorted(command.commands):
                yield from _help(f"conductor {name} {inner}", command.commands[inner])


def _help(path: str, command: click.Command) -> Iterator[str]:
    context = click.Context(
        command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH, help_option_names=["-h", "--help"]
    )
    foreign = [[name] for name, is_ours in _our.command_names().items() if not is_ours]
    lines = [line.rstrip() for line in command.get_help(context).splitlines() if line.split()[:1] not in foreign]
    yield from (f"## {path}", "", "```text", *lines, "```", "")


def settings() -> Iterator[str]:
    """Each settings table with its fields."""
    loaded, infos = _our.plugins()
    ours = {info.name: str(info.distribution) for info in infos}
    for name, cls in TABLES.items():
        yield from _table(name, cls, CORE)
    for plugin, name, cls in sorted(loaded.settings(), key=lambda found: found[1]):
        if plugin in ours:
            yield from _table(name, cls, ours[plugin])


def _table(name: str, cls: type, distribution: str) -> Iterator[str]:
    yield from (f"## [{name}]", "", *_sentences(inspect.cleandoc(cls.__doc__ or "")), f"From `{distribution}`.", "")
    attrs.resolve_types(cls)
    defaults = _made_in_an_empty_environment(cls)
    for field in attrs.fields(cls):
        text = str(field.metadata.get(HELP, ""))
        if not text:
            raise SystemExit(f"{name}.{field.name} has no help")
        yield from (f"### {name}.{field.name}", "", f"{text[:1].upper()}{text[1:]}.", "")
        yield f"- type: {expected(field.type)}"
        yield f"- default: {_default(getattr(defaults, field.name))}"
        option = _option(name, field.name)
        if option:
            yield f"- option: `{option}`"
        yield f"- environment: `CONDUCTOR_{'__'.join([*name.split('.'), field.name]).upper()}`"
        yield f"- trust: {_trust(field)}"
        yield ""


def _made_in_an_empty_environment(cls: type) -> object:
    kept = dict(os.environ)
    os.environ.clear()
    try:
        return cls()
    finally:
        os.environ.update(kept)


def _default(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, dict):
        return "`{}`" if not value else f"`{to_plain(value)}`"
    return f"`{str(value).lower() if isinstance(value, bool) else to_plain(value)!r}`".replace("'", '"')


def _option(table: str, field: str) -> str | None:
    negated = {("run", "execute"): "--no-execute", ("history", "enabled"): "--no-history"}
    if (table, field) in negated:
        return negated[table, field]
    options = [option for option in run_command.params if isinstance(option, click.Option) and option.name == field]
    return max(options[0].opts, key=len) if table == "run" and options else None


_WHEN = {
    "_leads_outside": "needed for a path that leads out of the project",
    "_is_larger": "needed for more than without the project's file",
    "_switches_on": "needed to switch on what is off without the project's file",
    "_is_weaker": "needed for a weaker one than without the project's file",
}
"""In words, what the functions say that decide whether a value loosens."""


def _trust(field: attrs.Attribute[Any]) -> str:
    rule = field.metadata.get(NEEDS_TRUST, False) or field.name in _SENSITIVE
    return _WHEN[rule.__name__] if callable(rule) else "needed" if rule else "not needed"


def hook_order() -> Iterator[str]:
    """The picture in the docstring of `hookspecs`."""
    _before, _, rest = (inspect.getdoc(hookspecs) or "").partition("::\n\n")
    picture = re.split(r"^(?=\S)", rest, flags=re.MULTILINE)[0]
    yield from ("```text", *inspect.cleandoc(picture).splitlines(), "```")


def hooks() -> Iterator[str]:
    """Each hook with its signature, docstring and implementers, in the order of `hookspecs`."""
    _loaded, infos = _our.plugins()
    for name, function in vars(hookspecs).items():
        if name.startswith("conductor_"):
            yield from _hook(name, function, infos)


def _hook(name: str, function: Callable[..., object], infos: Iterable[PluginInfo]) -> Iterator[str]:
    kind = "async def" if inspect.iscoroutinefunction(function) else "def"
    signature = inspect.signature(function)
    parameters = ", ".join(f"{p.name}: {p.annotation}" for p in signature.parameters.values())
    yield from (f"## {name}", "", "```python")
    yield f"{kind} {name}({parameters}) -> {signature.return_annotation}: ..."
    yield from ("```", "", *_docstring(inspect.getdoc(function) or ""), "")
    if getattr(function, f"{hookspecs.PROJECT}_spec")["firstresult"]:
        yield from ("In pluggy's terms it is `firstresult`: None passes, anything else is the answer.", "")
    mine = ", ".join(f"`{info.name}`" for info in sorted(infos, key=lambda info: info.name) if name in info.hooks)
    yield from (f"Implemented by {mine}." if mine else "None of our plugins implements it yet.", "")


def _docstring(text: str) -> Iterator[str]:
    """A docstring in Google's form."""
    parts = re.split(r"^(Example::|Args:|Returns:|Raises:)$", text, flags=re.MULTILINE)
    yield from _sentences(parts[0])
    for heading, body in zip(parts[1::2], map(inspect.cleandoc, parts[2::2]), strict=True):
        yield from ("", f"**{heading.strip(':').replace('Args', 'Arguments')}**", "")
        if heading == "Example::":
            yield from ("```python", *body.splitlines(), "```")
        elif heading == "Returns:":
            yield from _sentences(body)
        else:
            for entry in re.split(r"\n(?=\S)", body):
                what, _, meaning = " ".join(entry.split()).partition(": ")
                yield f"- `{what}`: {meaning.replace('``', '`')}"


def _sentences(text: str) -> Iterator[str]:
    """Paragraphs, one sentence a line."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", text.strip())):
        if number:
            yield ""
        yield from re.split(r"(?<=[.:]) (?=[A-Z`])", " ".join(paragraph.replace("``", "`").split()))
