"""`conductor history`: past runs, the newest first; `history outcome` says whether one was right."""

from __future__ import annotations

import click

from codeconductor.cli.options import common_options, json_option


@click.group("history", invoke_without_command=True)
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), metavar="N", default=50, help="List at most N runs; default 50."
)
@json_option
@common_options
@click.pass_context
def command(ctx: click.Context, limit: int, as_json: bool, log_file: str | None) -> None:
    """List past runs, the newest first."""
    if ctx.invoked_subcommand is not None:
        return
    from codeconductor.cli import console
    from codeconductor.cli.logs import log, logging_to
    from codeconductor.history import list_runs
    from codeconductor.settings import data_folder

    with logging_to(None, log_file):
        document = list_runs(data_folder(), limit)
        log.info("%d runs read from %s", len(document["runs"]), data_folder())
    if as_json:
        console.result(console.document(document))
        return
    if not document["runs"]:
        console.notice("No run is recorded yet.")
        return
    lines = []
    for run in document["runs"]:
        task = " ".join(run["task"].split())
        lines.append(
            f"{run['id'][:12]}  {run['started'][:19].replace('T', ' ')}  {run['status']:<11}  "
            f"{_number(run['agreement'])}  {_number(run['confidence'] if run['calibrated'] else None)}   "
            f"{run['outcome'] or '–':<7}  {run['strategy'] or '–':<10}  {task if len(task) <= 70 else task[:69] + '…'}"
        )
    heading = "run           started (UTC)        status       agr.  conf.  outcome  strategy    task"
    console.result("\n".join([heading, *lines]))


def _number(share: float | None) -> str:
    return "   –" if share is None else f"{share:.2f}"


@command.command("outcome")
@click.argument("run", metavar="RUN")
@click.argument("outcome", metavar="passed|failed", type=click.Choice(["passed", "failed"]))
@common_options
def tell(run: str, outcome: str, log_file: str | None) -> None:
    """Say whether a run's choice was right: `conductor calibrate` learns from it.

    RUN is an id, a unique beginning of one, or `last`.
    """
    from codeconductor.cli import console
    from codeconductor.cli.logs import logging_to
    from codeconductor.history import tell_outcome
    from codeconductor.settings import data_folder

    with logging_to(None, log_file):
        run_id = tell_outcome(data_folder(), run, passed=outcome == "passed")
    console.notice(f"Run {run_id} has {outcome}.")
