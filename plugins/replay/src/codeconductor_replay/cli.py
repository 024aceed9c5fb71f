"""`conductor demo`: the main job on recorded answers, so that a person without models sees what it does."""

from __future__ import annotations

import click
from codeconductor import common_options, conduct_and_print

from codeconductor_replay._recording import PACKAGED, read_recording


@click.command("demo")
@click.option("-o", "--output", metavar="FILE", help="Write the result to a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole run as one JSON document.")
@common_options
def demo(output: str | None, as_json: bool, log_file: str | None) -> None:
    """Run the main job on recorded answers: about two seconds, and no model is needed.

    The answers are real ones of a small model, and are labelled as recorded.
    """
    answers = read_recording(PACKAGED)
    task = answers[0].task
    run = {
        "providers": ["replay"],
        "models": [],
        "samples": max(answer.sample for answer in answers) + 1,
        "kind": "function",
        "language": "python",
    }
    conduct_and_print(
        task,
        overrides={"run": run, "providers": {"replay": {"recording": None}}},
        output=output,
        as_json=as_json,
        log_file=log_file,
        command="demo",
    )
