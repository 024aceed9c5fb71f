"""`conductor history`: past runs, the newest first."""

from __future__ import annotations

import click

from codeconductor.cli.options import common_options, json_option


@click.command("history")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), metavar="N", default=50, help="List at most N runs; default 50."
)
@json_option
@common_options
def command(limit: int, as_json: bool, log_file: str | None) -> None:
    """List past runs, the newest first."""
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
        confidence = f"{run['confidence']:.2f}" if run["confidence"] is not None else "  – "
        task = " ".join(run["task"].split())
        lines.append(
            f"{run['id'][:12]}  {run['started'][:19].replace('T', ' ')}  {run['status']:<11}  {confidence}  "
            f"{run['strategy'] or '–':<10}  {task if len(task) <= 70 else task[:69] + '…'}"
        )
    console.result("\n".join(["run           started (UTC)        status       agr.  strategy    task", *lines]))
