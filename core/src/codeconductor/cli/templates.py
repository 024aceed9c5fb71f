"""`conductor templates`: the prompt templates in reach; `init` copies the built-in ones to change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codeconductor.cli.options import common_options

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codeconductor.prompting import Template
    from codeconductor.session import Session


def _find(renderer: str | None, log_file: str | None) -> tuple[Sequence[Template], Path]:
    from codeconductor.cli.running import in_session
    from codeconductor.prompting import list_templates
    from codeconductor.settings import RunSettings

    async def work(session: Session) -> tuple[Sequence[Template], Path]:
        return list_templates(session, session.settings("run", RunSettings).renderer), session.root

    return in_session(work, overrides={"run": {"renderer": renderer}} if renderer else {}, log_file=log_file)


@click.group("templates", invoke_without_command=True)
@click.option("-r", "--renderer", metavar="NAME", help="List this renderer's templates; default jinja.")
@common_options
@click.pass_context
def command(ctx: click.Context, renderer: str | None, log_file: str | None) -> None:
    """List the prompt templates in reach, and which of them are hidden by another of their name."""
    ctx.obj = renderer
    if ctx.invoked_subcommand is not None:
        return
    from codeconductor.cli import console

    found, _root = _find(renderer, log_file)
    lines = []
    for template in sorted(found, key=lambda template: (template.name, template.hidden_by is not None)):
        hidden = f"  (hidden by the {template.hidden_by} one)" if template.hidden_by else ""
        lines.append(f"{template.name:<12}  {template.origin:<8}  {template.path}{hidden}")
    if lines:
        console.result("\n".join(lines))
    else:
        console.notice("This renderer has no templates.")


@command.command("init")
@click.argument("names", nargs=-1)
@click.option("--user", is_flag=True, help="Copy into the user's folder, for all projects, not into this project.")
@common_options
@click.pass_obj
def init(renderer: str | None, names: tuple[str, ...], user: bool, log_file: str | None) -> None:
    """Copy built-in templates into the project's .conductor/templates, to change them there.

    NAMES are those to copy; none means all. A file that exists is left as it is.
    """
    from codeconductor.cli import console
    from codeconductor.errors import InputError, unknown_name
    from codeconductor.settings import config_folder

    found, root = _find(renderer, log_file)
    built_in = {template.name: template for template in found if template.origin == "built-in"}
    for name in names:
        if name not in built_in:
            raise unknown_name("template", name, built_in)
    folder = config_folder() / "templates" if user else root / ".conductor" / "templates"
    for name in names or sorted(built_in):
        target = folder / built_in[name].path.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8") as file:
                file.write(built_in[name].text)
        except FileExistsError:
            console.notice(f"{target} exists and is left as it is")
            continue
        except OSError as exc:
            raise InputError(f"cannot write {target}: {exc.strerror}", hint="make the folder writable") from exc
        console.result(str(target))
