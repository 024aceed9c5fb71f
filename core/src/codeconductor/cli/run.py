"""`conductor run`: the main job; its result is the only thing on standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from codeconductor.cli.options import common_options, run_options, run_overrides
from codeconductor.errors import InputError, PluginError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

    from codeconductor.pipeline import Run
    from codeconductor.session import Session


@click.command("run")
@click.argument("task", nargs=-1)
@run_options
@common_options
def command(task: tuple[str, ...], context: tuple[str, ...], output: str | None, as_json: bool, **options: Any) -> None:
    """Ask the models and print one prompt.

    TASK is what is wanted, in your own words; `-` reads it from standard input.
    """
    text = task_text(task, context)
    conduct_and_print(
        text,
        context=context,
        overrides=run_overrides(options),
        output=output,
        as_json=as_json,
        log_file=options["log_file"],
    )


def task_text(words: Sequence[str], context: Sequence[str]) -> str:
    """The task's text: the words, or standard input where they are `-` alone.

    Raises:
        InputError: Standard input is not UTF-8, or is asked for twice.
    """
    if list(words) != ["-"]:
        return " ".join(words)
    if "-" in context:
        raise InputError("standard input cannot be the task and its context", hint="give one of them as a file")
    from codeconductor.task.task import MAX_TEXT

    try:
        return sys.stdin.buffer.read(MAX_TEXT + 1).decode("utf-8")
    except UnicodeDecodeError as exc:
        if len(exc.object) > MAX_TEXT:  # cut in the middle of a character, and too long anyway
            return exc.object.decode("utf-8", "replace")
        raise InputError("standard input is not UTF-8", hint="convert it, for example with iconv -t UTF-8") from exc


def conduct_and_print(
    text: str,
    *,
    context: Sequence[str] = (),
    overrides: Mapping[str, Mapping[str, object]] | None = None,
    output: str | None = None,
    as_json: bool = False,
    log_file: str | None = None,
    command: str = "run",
) -> None:
    """Do the main job and print its prompt, or with `as_json` the whole run.

    Args:
        text: The task.
        context: Paths of files that the models may read.
        overrides: Settings tables that are stronger than every file.
        output: File to write to in place of standard output.
        as_json: Print the document ``conductor.run/1``.
        log_file: Path of a log of JSON lines.
        command: Named in the history.

    Raises:
        ConductorError: What stopped the run, after what there is of it was printed.
    """
    from codeconductor.cli import console
    from codeconductor.cli.running import in_session, raise_error
    from codeconductor.converters import run_document
    from codeconductor.events import Event, Recorded
    from codeconductor.pipeline import conduct, make_task

    console.check_output(output)

    recorded: set[str] = set()

    def listen(event: Event) -> None:
        if isinstance(event, Recorded):
            recorded.add(event.run_id)

    def work(session: Session) -> Awaitable[Run]:
        session.events.subscribe(listen)
        return conduct(session, make_task(session, text, context), command=command)

    run = in_session(work, overrides=overrides, log_file=log_file, progress=True)
    if as_json:
        console.result(console.document(run_document(run)), output)
    elif run.prompt is not None:
        console.result(run.prompt.text, output)
        where = f"; `conductor show {run.id[:12]}` shows how it came about" if run.id in recorded else ""
        console.notice(f"Prompt of ~{run.prompt.tokens} tokens{where}")
    if isinstance(run.error, PluginError) and run.id in recorded:
        run.error.hint = "; ".join(filter(None, ("the answers are recorded", run.error.hint)))
    raise_error(run.error)
