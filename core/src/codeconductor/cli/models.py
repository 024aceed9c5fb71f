"""`conductor models`: every model in reach with its state and its place in a run, and what could not be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codeconductor.cli.options import common_options, json_option
from codeconductor.cli.servers import Server, servers, size, weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor.discovery import Discovery, Model
    from codeconductor.session import Session

_COLUMNS = ("model", "asked", "state", "context", "size", "weights", "quantization", "capabilities")


@click.command("models")
@click.option("--provider", "providers", metavar="NAME", multiple=True, help="List this provider's models only.")
@json_option
@common_options
def command(providers: tuple[str, ...], as_json: bool, log_file: str | None) -> None:
    """List every model of every reachable provider, and the providers that are not reachable.

    Numbers say which models a run asks, and in what order.
    """
    from codeconductor.cli import console
    from codeconductor.cli.running import in_session
    from codeconductor.converters import models_document
    from codeconductor.discovery import discover, known_providers, order_of_asking
    from codeconductor.errors import unknown_name

    async def work(session: Session) -> tuple[Discovery, frozenset[str], list[Model]]:
        found = await discover(session)
        return found, known_providers(session, found), order_of_asking(session, found.models)

    overrides = {"run": {"providers": providers}} if providers else {}
    found, known, asked = in_session(work, overrides=overrides, log_file=log_file)
    for provider in providers:
        if provider not in known:
            raise unknown_name("provider", provider, known)
    models = [model for model in found.models if not providers or model.provider in providers]
    problems = [problem for problem in found.problems if not providers or problem.provider in providers]
    if as_json:
        console.result(console.document(models_document(models, problems)))
        return
    places = {model.id: place for place, model in enumerate(asked, start=1)}
    if models:
        models.sort(key=lambda model: places.get(model.id, len(places) + 1))
        rows = [_row(model, places) for model in models]
        console.print_table(_COLUMNS, rows, right={"asked", "context", "size", "weights"}, spare=_COLUMNS[5:])
        console.result("\n" + "\n".join(console.one_line(_line(server)) for server in servers(models)))
        for line in _legend(models, places):
            console.notice(line)
    else:
        console.notice("No model is in reach.")
    for problem in problems:
        where = f" at {problem.host}" if problem.host else ""
        console.warning(f"{problem.provider}{where}: {problem.error}" + (f" ({problem.hint})" if problem.hint else ""))


def _row(model: Model, places: Mapping[str, int]) -> tuple[str | None, ...]:
    return (
        model.id,
        str(places.get(model.id, "")),
        _state(model),
        _context(model),
        None if model.remote else size(model.size),
        weights(model.parameters),
        model.quantization,
        ", ".join(sorted(model.capabilities)),
    )


def _state(model: Model) -> str:
    from codeconductor.discovery import is_too_large

    if model.remote:
        return "remote"
    taken = f", {size(model.memory)}" if model.loaded and model.memory else ""
    if model.kind == "embedding":
        return f"embedding{taken}"
    if model.loaded:
        return f"loaded{taken}"
    if is_too_large(model):
        return "too large"
    return "unknown" if model.loaded is None else "not loaded"


def _context(model: Model) -> str:
    """Tokens in force, and the most it can where that is more."""
    most = model.max_context_length
    if model.context_length is None:
        return f"? of {most:,}" if most else ""
    return f"{model.context_length:,}" + (f" of {most:,}" if most and most > model.context_length else "")


def _line(server: Server) -> str:
    line = str(server)
    if any(model.loaded is not None for model in server.models):
        line += f", {len(server.loaded) or 'none'} loaded"
    memory = [model.memory for model in server.loaded if model.memory is not None]
    return f"{line} ({size(sum(memory))} of memory)" if memory else line


def _legend(models: Sequence[Model], places: Mapping[str, int]) -> list[str]:
    """What the table's words mean for a run, as far as they stand in it."""
    from codeconductor.discovery import memory_in_words

    lines = ["asked: a run asks the models with a number, in this order"] if places else []
    states = {_state(model) for model in models if model.id not in places}
    if "remote" in states:
        lines.append("remote: on somebody else's computer; asked only when --model names it")
    if "too large" in states:
        lines.append(f"too large: for this machine's memory of {memory_in_words()}; asked only when --model names it")
    return lines
