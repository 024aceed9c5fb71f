"""The group of commands: built-in and contributed ones on one lazy path, and a task where no command is named."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import click

from codeconductor import __version__
from codeconductor.errors import ConductorError, InputError, PluginError, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.metadata import EntryPoint

    from click.shell_completion import CompletionItem

COMMANDS_GROUP = "codeconductor.commands"

COMMANDS = {
    "run": "Ask the models and print one prompt (the same as without a command).",
    "models": "List every model in reach, and what is not reachable.",
    "plugins": "List the installed plugins and what they bring.",
    "consensus": "Decide between answers that were recorded earlier.",
    "calibrate": "Fit the table that turns agreement into a probability.",
    "verify": "Run code with its tests in the sandbox.",
    "build": "Have code written, approved and tested, round after round until its tests pass.",
    "cursor": "Tell Cursor, and what reads AGENTS.md, about conductor; take that back.",
    "history": "List past runs; say whether one was right.",
    "show": "Show one past run: prompt, answers, agreement.",
    "templates": "List the prompt templates; copy the built-in ones to change them.",
    "config": "Show the settings in force and where each came from.",
    "doctor": "Check what is installed, reachable and usable here.",
    "completion": "Print the completion script of a shell.",
}
"""Built-in commands with their one line of help, so that `--help` imports none of them."""


def contributed() -> dict[str, EntryPoint]:
    """The commands that plugins bring, by name, from metadata alone; a built-in name cannot be taken."""
    return {name: points[0] for name, points in _brought().items()}


def _brought() -> dict[str, list[EntryPoint]]:
    """As `contributed`, with all that bring a name."""
    from importlib.metadata import entry_points

    brought: dict[str, list[EntryPoint]] = {}
    for point in sorted(entry_points(group=COMMANDS_GROUP), key=lambda point: (point.name, str(point.value))):
        if point.name not in COMMANDS:
            brought.setdefault(point.name, []).append(point)
    return brought


def source_of(point: EntryPoint) -> str:
    """Who brings a command: its distribution, or its module where an install that was broken off left no name."""
    return (point.dist.name if point.dist else None) or f"what brings the module {point.module!r}"


class Conductor(click.Group):
    """`conductor COMMAND …`, or `conductor [OPTIONS] TASK…`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Built-in commands in their order, then contributed ones by name."""
        return [*COMMANDS, *sorted(contributed())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module, and only that."""
        if cmd_name in COMMANDS:
            module = import_module(f"codeconductor.cli.{cmd_name}")
            command: click.Command = module.command
            return command
        points = _brought().get(cmd_name)
        return None if points is None else _load(_chosen(points))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` before a task."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit(2)
        if args and not _names_command(args[0]):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The options of both forms, or the commands, of which none is imported."""
        from click.shell_completion import CompletionItem

        known: dict[str, str | None] = {**COMMANDS, **{name: _from(point) for name, point in contributed().items()}}
        if incomplete.startswith("-"):
            from codeconductor.cli.run import command as run

            options = [each for each in (*run.get_params(ctx), *self.get_params(ctx)) if isinstance(each, click.Option)]
            known = {name: option.help for option in options for name in option.opts}
        return [CompletionItem(name, help=help) for name, help in known.items() if name.startswith(incomplete)]

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Both forms."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] TASK…")
        formatter.write_usage(ctx.command_path, "COMMAND [ARGUMENTS]…", prefix="       ")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options of the main job, then the commands with their one line of help."""
        from codeconductor.cli.run import command as run

        options = [parameter for parameter in run.get_params(ctx) if isinstance(parameter, click.Option)]
        rows = [row for option in options if (row := option.get_help_record(ctx))]
        rows.insert(-1, ("--version", "Show the version and exit."))
        with formatter.section("Options"):
            formatter.write_dl(rows)
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))
        brought = contributed()
        if brought:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, _from(point)) for name, point in sorted(brought.items())])


def _names_command(word: str) -> bool:
    """Whether it is a command, or an option of the group itself, rather than the beginning of a task or its options."""
    if word.startswith("-") or " " in word:  # most tasks: nothing installed is looked through for them
        return word in ("--help", "-h", "--version")
    return word in COMMANDS or word in contributed()


def _from(point: EntryPoint) -> str:
    name = point.dist.name if point.dist else None  # also None where an install was broken off
    return f"brought by {name or 'a plugin'}"


def _chosen(points: Sequence[EntryPoint]) -> EntryPoint:
    """The one that is not disabled, of those that bring a command.

    Raises:
        InputError: All are, or several are not.
    """
    from codeconductor.plugins import installed
    from codeconductor.session import disabled_plugins

    disabled = disabled_plugins()
    plugins = installed()

    def names(point: EntryPoint) -> list[str]:
        distribution = point.dist.name if point.dist else None
        mine = {info.name for info in plugins if distribution is not None and info.distribution == distribution}
        return sorted(mine) or [point.name]

    usable = {source_of(point): point for point in points if disabled.isdisjoint([point.name, *names(point)])}
    if not usable:
        raise InputError(
            f"the command {points[0].name!r} of {source_of(points[0])} is disabled",
            hint="take it out of [plugins] disabled",
        )
    if len(usable) > 1:
        either = " or ".join(sorted(names(point)[0] for point in usable.values()))
        raise InputError(
            f"the command {points[0].name!r} is brought by {' and '.join(sorted(usable))}",
            hint=f"add {either} to [plugins] disabled",
        )
    return next(iter(usable.values()))


def _load(point: EntryPoint) -> click.Command:
    source = source_of(point)
    try:
        command = point.load()
    except ConductorError:
        raise
    except Exception as exc:
        raise PluginError(
            f"the command {point.name!r} of {source} cannot be loaded: {in_words(exc)}",
            hint=f"reinstall {source}, or uninstall it",
        ) from exc
    if not isinstance(command, click.Command):
        raise PluginError(
            f"the command {point.name!r} of {source} is no click command", hint="report this to its author"
        )
    return command


@click.command(
    cls=Conductor,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Nothing leaves this machine: only hosts that you configured are asked, and by default those are local.",
)
@click.version_option(__version__, message="conductor %(version)s")
def conductor() -> None:
    """Ask several local models the same coding task, and print the prompt that they agreed on."""
