"""`conductor config`: the settings in force and where each came from; `config trust` trusts the project's file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codeconductor.cli.options import common_options

if TYPE_CHECKING:
    from codeconductor.session import Session


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
            origin = origins.get(field.name)
            where = f"from {origin.layer}" if origin else "default"
            lines.append(f"{field.name} = {_toml(getattr(values, field.name))}  # {where}")
    return "\n".join(lines).replace(" = unset  #", "  # not set;").replace("not set; default", "not set")


def _toml(value: object) -> str:
    """A value as TOML writes it; TOML has no null, so an unset one is `unset`."""
    import json

    from codeconductor.converters import to_plain

    if value is None:
        return "unset"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    return json.dumps(to_plain(value), ensure_ascii=False)


@command.command("trust")
def trust_project() -> None:
    """Trust the project's file as it stands: its hosts, commands and plugins then count.

    It asks nothing, and prints what it trusts. A file that changes afterwards has to be trusted again.
    """
    from codeconductor.cli import console
    from codeconductor.errors import InputError
    from codeconductor.settings import current_folder, read_settings, trust

    layer = read_settings(current_folder()).project_layer
    if layer is None or layer.path is None:
        raise InputError(
            "there is no project file here", hint="it is conductor.toml, or [tool.conductor] of pyproject.toml"
        )
    digest = trust(layer.path)
    text = layer.path.read_text(encoding="utf-8", errors="replace")
    console.result(console.visible(f"Trusted: {layer.path}\nSHA-256: {digest}\n\n{text}"))
