"""`conductor acme`: what the parrot would say."""

from __future__ import annotations

import click


@click.command("acme")
@click.argument("words", nargs=-1, required=True)
def acme(words: tuple[str, ...]) -> None:
    """Repeat WORDS, as the model acme/parrot does."""
    click.echo(" ".join(words))
