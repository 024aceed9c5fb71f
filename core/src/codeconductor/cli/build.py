"""`conductor build`: the loop from the prompt to tested code; its result is the only thing on standard output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from codeconductor.cli.options import common_options, not_empty, run_options, run_overrides

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from codeconductor.errors import ConductorError
    from codeconductor.pipeline.building import Build
    from codeconductor.session import Session


@click.command("build")
@click.argument("task", nargs=-1)
@click.option(
    "--coder", metavar="NAME", callback=not_empty, help="Who writes: local, manual, or a name under [coders.command]."
)
@click.option("--rounds", type=click.IntRange(min=1), metavar="N", help="How often at most; default 3.")
@click.option(
    "--tests",
    metavar="PATH",
    multiple=True,
    callback=not_empty,
    help="Tests that must pass; a coder cannot change them.",
)
@click.option(
    "--in", "folder", metavar="FOLDER", callback=not_empty, help="What is to be changed; default: the current folder."
)
@click.option("--yes", is_flag=True, help="Approve what is written without asking, but for how tests are run.")
@click.option("--apply", type=click.Choice(["auto", "never"]), help="Whether FOLDER gets what is green; default auto.")
@click.option("--resume", metavar="RUN", help="Go on with a build that was interrupted.")
@click.option("--discard", metavar="RUN", help="Remove the copies of a build that was interrupted.")
@run_options
@common_options
def command(task: tuple[str, ...], context: tuple[str, ...], output: str | None, as_json: bool, **options: Any) -> None:
    """Have code written, approved and tested, round after round until its tests pass.

    A coder works in a copy of FOLDER. Nothing that it wrote is run before you have seen and approved it, and FOLDER is
    changed only when the tests pass. The command-line agents that people use (cursor-agent, claude, codex, …) send
    prompts and files to other computers: `conductor doctor` says to whom, and none is taken unless you name it.
    """
    from codeconductor.cli import console
    from codeconductor.cli.approval import TerminalApproval
    from codeconductor.cli.running import in_session
    from codeconductor.converters import build_document
    from codeconductor.pipeline.build import build, resume

    console.check_output(output)
    if options["discard"] is not None:
        _check_alone("--discard", bool(task))
        _discard(options["discard"], options["log_file"])
        return
    yes, again = options["yes"], options["resume"]
    if again is None:
        from codeconductor.cli.run import task_text

        text = task_text(task, context)
        where = _absolute(options["folder"] or ".")
        overrides = run_overrides(options)

        def work(session: Session) -> Awaitable[Build]:
            return build(session, _plan(session, text, context, where, overrides, options), yes=yes)

    else:
        _check_alone("--resume", bool(task))
        plan = _interrupted(again)
        where, overrides = plan.folder, {name: dict(table) for name, table in plan.overrides.items()}

        def work(session: Session) -> Awaitable[Build]:
            return resume(session, again, yes=yes)

    done = in_session(
        work, overrides=overrides, log_file=options["log_file"], progress=True, folder=_folder(where),
        builtin={"terminal": TerminalApproval()},
    )  # fmt: skip
    if as_json:
        console.result(console.document(build_document(done)), output)
    else:
        console.result(_told(done), output)
    error = ending(done)
    if error is not None:
        raise error


def _discard(name: str, log_file: str | None) -> None:
    from codeconductor.cli import console
    from codeconductor.cli.logs import logging_to
    from codeconductor.pipeline.building.opening import discarded

    with logging_to(None, log_file):
        found, notes = discarded(name)
        for note in notes:
            console.notice(note)
        console.notice(f"The copies of build {found} are removed; what it has written is kept as diffs.")


def _check_alone(option: str, has_task: bool) -> None:
    """Refuse what is given beside --resume or --discard: it would be passed over, and `--apply never` be broken."""
    from codeconductor.errors import InputError

    context = click.get_current_context()
    allowed = {"task", "resume", "yes", "as_json", "output", "log_file", "quiet", "verbose"}
    if option == "--discard":
        allowed = {"task", "discard", "log_file", "quiet", "verbose"}
    given = [
        next(iter(parameter.opts))
        for parameter in context.command.params
        if parameter.name not in allowed
        and context.get_parameter_source(str(parameter.name)) is click.core.ParameterSource.COMMANDLINE
    ]
    if has_task or given:
        what = ", ".join([*(["the task"] if has_task else []), *given])
        why = "goes on with what was given then, and" if option == "--resume" else "removes copies alone, and"
        raise InputError(f"{option} {why} takes no {what}", hint=f"leave out {what}")


def _absolute(path: str) -> str:
    import os

    return os.path.abspath(path)  # noqa: PTH100 - `..` by its words, as a shell shows it


def _folder(path: str) -> Any:
    import os
    from pathlib import Path

    from codeconductor.errors import InputError

    if not os.path.isdir(path):  # noqa: PTH112 - one above that may not be searched is no reason to fail
        raise InputError(f"{path!r} is no folder", hint="give the project's folder with --in")
    return Path(path)


def _plan(
    session: Session,
    text: str,
    context: tuple[str, ...],
    folder: str,
    overrides: dict[str, Any],
    options: dict[str, Any],
) -> Any:
    from codeconductor.pipeline.building import Plan
    from codeconductor.settings import BuildSettings

    settings = session.settings("build", BuildSettings)
    return Plan(
        text=text,
        context=tuple(path if path == "-" else _absolute(path) for path in context),
        folder=folder,
        tests=tuple(map(_absolute, options["tests"])),
        coder=options["coder"] or settings.coder,
        rounds=options["rounds"] or settings.rounds,
        apply=options["apply"] or "auto",
        overrides=overrides,
    )


def _interrupted(name: str) -> Any:
    from codeconductor.pipeline.building.workshop import find
    from codeconductor.settings import data_folder

    return find(data_folder(), name)[1].plan


def ending(done: Build) -> ConductorError | None:
    """What the command ends with; None: the tests passed."""
    from codeconductor import errors
    from codeconductor.pipeline.building.asking import NOBODY

    if done.error is not None or done.outcome == "passed":
        return done.error
    last = done.rounds[-1] if done.rounds else done.tests
    saved = f"; the diff is {done.patch}" if done.patch else ""
    if done.outcome == "rejected":
        approval = last.approval if last else None
        if approval is None or approval.decision == "not_asked":
            return errors.NotApprovedError(
                f"nobody was asked whether what was written may be run ({NOBODY}){saved}",
                hint="run it in a terminal, or approve everything beforehand with --yes",
            )
        reason = f": {approval.reason}" if approval.reason else ""
        return errors.NotApprovedError(f"what was written was not approved{reason}{saved}", hint="nothing was changed")
    failure = last.error if last else None
    if done.outcome == "failed":
        told = last.verification if last else None
        counts = (
            f"{told['failed'] + told['errors']} of {len(told['cases'])} tests did not pass"
            if told and told["cases"]
            else None
        )
        reasons = [(told or {}).get("fault") or counts, failure.message if failure else None]
        what = "; ".join(filter(None, reasons)) or "nothing more was changed"
        rounds = f"{len(done.rounds)} round{'s' if len(done.rounds) != 1 else ''}"
        return errors.TestsFailedError(
            f"not green after {rounds}: {what}{saved}", hint=f"`conductor show {done.id[:12]}` tells how it went"
        )
    if failure is not None:
        return errors.NothingWrittenError(failure.message, hint=failure.hint)
    return errors.NothingWrittenError(
        f"the coder {done.plan.coder!r} changed nothing", hint=f"`conductor show {done.id[:12]}` has what it said"
    )


def _told(done: Build) -> str:
    from codeconductor.cli import console

    lines = [f"{console.one_line(str(done.outcome))} after {len(done.rounds)} of {done.plan.rounds} rounds"]
    if done.rounds:
        signs = {"created": "+", "changed": "~", "deleted": "-"}
        kept = done.rounds[-1].kept
        lines += [
            f"  {signs[action]} {console.one_line(path)}{'' if kept is None or path in kept else ', left out'}"
            for path, action in done.rounds[-1].files
        ]
    if done.applied:
        lines.append(f"applied to {console.one_line(done.plan.folder)}")
    if done.patch:
        lines.append(f"patch: {done.patch}")
    return "\n".join(lines)
