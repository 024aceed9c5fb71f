"""`conductor models`: every model in reach with its state, and what could not be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codeconductor.cli.options import common_options, json_option

if TYPE_CHECKING:
    from codeconductor.discovery import Discovery, Model
    from codeconductor.session import Session


@click.command("models")
@click.option("--provider", "providers", metavar="NAME", multiple=True, help="List this provider's models only.")
@json_option
@common_options
def command(providers: tuple[str, ...], as_json: bool, log_file: str | None) -> None:
    """List every model of every reachable provider, and the providers that are not reachable."""
    from codeconductor.cli import console
    from codeconductor.cli.running import in_session
    from codeconductor.converters import models_document
    from codeconductor.discovery import discover, known_providers
    from codeconductor.errors import unknown_name

    async def work(session: Session) -> tuple[Discovery, frozenset[str]]:
        found = await discover(session)
        return found, known_providers(session, found)

    overrides = {"run": {"providers": providers}} if providers else {}
    found, known = in_session(work, overrides=overrides, log_file=log_file)
    for provider in providers:
        if provider not in known:
            raise unknown_name("provider", provider, known)
    models = [model for model in found.models if not providers or model.provider in providers]
    problems = [problem for problem in found.problems if not providers or problem.provider in providers]
    if as_json:
        console.result(console.document(models_document(models, problems)))
        return
    if models:
        console.print_table(_COLUMNS, map(_row, models), right={"context", "size", "weights"})
    else:
        console.notice("No model is in reach.")
    for problem in problems:
        where = f" at {problem.host}" if problem.host else ""
        console.warning(f"{problem.provider}{where}: {problem.error}" + (f" ({problem.hint})" if problem.hint else ""))


_COLUMNS = ("model", "state", "context", "size", "weights", "quantization", "capabilities")


def _row(model: Model) -> tuple[str | None, ...]:
    return (
        model.id,
        _state(model),
        f"{model.context_length:,}" if model.context_length else None,
        size(model.size),
        weights(model.parameters),
        model.quantization,
        ", ".join(sorted(model.capabilities)),
    )


def _state(model: Model) -> str:
    if model.remote:
        return "remote: asked only when named"
    if model.kind == "embedding":
        return "embedding: never asked"
    return {True: "loaded", False: "not loaded", None: "unknown"}[model.loaded]


def size(count: int | None) -> str:
    """Bytes for people."""
    if count is None:
        return ""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def weights(count: int | None) -> str:
    """A count of weights for people, as model names have it."""
    if count is None:
        return ""
    return f"{count / 1e9:.1f}B" if count >= 1e9 else f"{count / 1e6:.0f}M"
