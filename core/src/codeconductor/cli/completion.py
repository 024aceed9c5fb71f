"""`conductor completion`: the script that makes a shell complete our commands and options."""

from __future__ import annotations

import click

from codeconductor.cli.options import common_options


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@common_options
def command(shell: str, log_file: str | None) -> None:
    """Print the completion script of a shell.

    For bash: `eval "$(conductor completion bash)"` in ~/.bashrc; zsh likewise in ~/.zshrc; for fish:
    `conductor completion fish > ~/.config/fish/completions/conductor.fish`.
    """
    from click.shell_completion import get_completion_class

    from codeconductor.cli.group import conductor
    from codeconductor.cli.logs import log, logging_to

    completion = get_completion_class(shell)
    assert completion is not None
    with logging_to(None, log_file):
        click.echo(completion(conductor, {}, "conductor", "_CONDUCTOR_COMPLETE").source())
        log.info("the completion of %s is printed", shell)
