"""`conductor config`: the settings in force and where each came from; `config trust` trusts the project's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codeconductor.cli.options import common_options

if TYPE_CHECKING:
    import attrs

    from codeconductor.session import Session
    from codeconductor.settings import Origin


@click.group("config", invoke_without_command=True)
@common_options
@click.pass_context
def command(ctx: click.Context, log_file: str | None) -> None:
    """Show the settings in force and where each came from."""
    if ctx.invoked_subcommand is not None:
        return
    from codeconductor.cli import console
    from codeconductor.cli.running import in_session

    async def work(session: Session) -> str:
        return settings_in_force(session)

    console.result(in_session(work, log_file=log_file))


def settings_in_force(session: Session) -> str:
    """Every setting as TOML, with where it came from as a comment."""
    import attrs

    from codeconductor.settings import config_folder

    lines = [f"# user file: {config_folder() / 'config.toml'}"]
    project = session.sources.project_layer
    if project is not None:
        trusted = "trusted" if project.trusted else "not trusted: what loosens is ignored; see `conductor config trust`"
        lines.append(f"# project file: {project.path} ({trusted})")
    for name, cls in sorted(session.tables.items()):
        lines += ["", f"[{name}]"]
        values: object = session.settings(name, cls)
        origins = session.table(name, cls).origins
        for field in attrs.fields(cls):
            where = _source(field, origins.get(field.name))
            value = getattr(values, field.name)
            if value is None:  # TOML has no null
                lines.append(f"{field.name}  # not set" + (f"; {where}" if where != _DEFAULT else ""))
            else:
                lines.append(f"{field.name} = {_toml(value)}  # {where}")
    return "\n".join(lines)


_DEFAULT = "default"


def _source(field: attrs.Attribute[object], origin: Origin | None) -> str:
    """Where a value came from: a layer, the variable of another program that its default is made of, or neither."""
    import os

    from codeconductor.settings import VARIABLE

    if origin is not None:
        return f"from {origin.layer}"
    variable = field.metadata.get(VARIABLE)
    return f"from {variable}" if variable and os.environ.get(variable, "").strip() else _DEFAULT


def _toml(value: object) -> str:
    """A value as TOML writes it."""
    import json

    from codeconductor.converters import to_plain

    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(to_plain(value), ensure_ascii=False)


@command.command("trust")
@common_options
def trust_project(log_file: str | None) -> None:
    """Trust the project's file as it stands: its hosts, commands and plugins then count.

    It asks nothing, and prints what it trusts. A file that changes afterwards has to be trusted again.
    """
    from codeconductor.cli import console
    from codeconductor.cli.logs import log, logging_to
    from codeconductor.errors import InputError
    from codeconductor.settings import current_folder, read_settings, trust

    with logging_to(None, log_file):
        layer = read_settings(current_folder()).project_layer
        if layer is None or layer.path is None:
            raise InputError(
                "there is no project file here", hint="it is conductor.toml, or [tool.conductor] of pyproject.toml"
            )
        digest, content = trust(layer.path)
        log.info("%s is trusted, SHA-256 %s", layer.path, digest)
    text = content.decode("utf-8", "replace")
    console.result(console.visible(f"Trusted: {layer.path}\nSHA-256: {digest}\n\n{text}"))
