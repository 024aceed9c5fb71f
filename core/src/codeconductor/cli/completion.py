"""`conductor completion`: the script that makes a shell complete our commands and options."""

from __future__ import annotations

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of a shell.

    For bash: `eval "$(conductor completion bash)"` in ~/.bashrc; zsh likewise in ~/.zshrc; for fish:
    `conductor completion fish > ~/.config/fish/completions/conductor.fish`.
    """
    from click.shell_completion import get_completion_class

    from codeconductor.cli.group import conductor

    completion = get_completion_class(shell)
    assert completion is not None
    click.echo(completion(conductor, {}, "conductor", "_CONDUCTOR_COMPLETE").source())
