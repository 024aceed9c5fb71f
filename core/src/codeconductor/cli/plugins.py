"""`conductor plugins`: every installed plugin, what it brings, or why it could not be loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from codeconductor.cli.options import common_options, json_option

if TYPE_CHECKING:
    from codeconductor.plugins import PluginInfo
    from codeconductor.session import Session


@click.command("plugins")
@json_option
@common_options
def command(as_json: bool, log_file: str | None) -> None:
    """List every installed plugin: where it is from, what it brings, or why it could not be loaded."""
    from codeconductor.cli import console
    from codeconductor.cli.running import in_session

    async def work(session: Session) -> list[dict[str, Any]]:
        return list_plugins(session)

    plugins = in_session(work, log_file=log_file)
    if as_json:
        console.result(console.document({"schema": "conductor.plugins/1", "plugins": plugins}))
        return
    console.print_table(
        ("plugin", "distribution", "version", "status", "brings"),
        [
            (
                plugin["name"],
                plugin["distribution"],
                plugin["version"],
                plugin["error"] or plugin["status"],
                brings(plugin),
            )
            for plugin in plugins
        ],
    )


def brings(plugin: dict[str, Any]) -> str:
    """What a plugin brings, in words."""
    parts = []
    for what in ("providers", "strategies", "renderers", "coders", "runners", "commands"):
        if plugin[what]:
            word = {"strategies": "strategy"}.get(what, what[:-1]) if len(plugin[what]) == 1 else what
            parts.append(f"{word} {', '.join(plugin[what])}")
    return "; ".join(parts)


def list_plugins(session: Session) -> list[dict[str, Any]]:
    """The entries of the document ``conductor.plugins/1``, by name; what can never be used is warned about."""
    from codeconductor.cli.group import COMMANDS
    from codeconductor.plugins import commands

    strategies, renderers = session.plugins.names_by_plugin()
    besides = {
        "coders": session.plugins.coders_by_plugin(session),
        "runners": session.plugins.runners_by_plugin(),
    }
    brought = {distribution: [point.name for point in points] for distribution, points in commands().items()}
    for distribution, names in brought.items():
        for name in sorted(COMMANDS.keys() & names):
            session.warn(f"the command {name!r} of {distribution} cannot be reached: conductor has one of that name")
    for name in sorted({name for names in brought.values() for name in names} - COMMANDS.keys()):
        sources = sorted(distribution for distribution, names in brought.items() if name in names)
        if len(sources) > 1:
            session.warn(f"the command {name!r} is brought by {' and '.join(sources)}: disable one of them")
    entries = []
    for key in sorted(session.plugins.infos):
        info = session.plugins.infos[key]
        entries.append(
            {
                "name": info.name,
                "distribution": info.distribution,
                "version": info.version,
                "status": info.status,
                "error": info.error,
                "hooks": list(info.hooks) if info.status == "loaded" else [],
                "providers": _providers(info),
                "strategies": strategies.get(info.name, []) if info.status == "loaded" else [],
                "renderers": renderers.get(info.name, []) if info.status == "loaded" else [],
                **{
                    what: names.get(info.name, []) if info.status == "loaded" else [] for what, names in besides.items()
                },
                "commands": [name for name in brought.get(info.distribution or "", []) if name not in COMMANDS],
            }
        )
    return entries


def _providers(info: PluginInfo) -> list[str]:
    discovers = info.status == "loaded" and "conductor_discover_models" in info.hooks
    return [info.name] if discovers else []
