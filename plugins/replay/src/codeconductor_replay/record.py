"""Records answers of real models: `python -m codeconductor_replay.record TASK -o FILE`."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from codeconductor import ConductorError, PromptSettings, Session, conduct, read_project, read_task

from codeconductor_replay._recording import Recorded, write_recording

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Run


@click.command()
@click.argument("task")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="File to write.")
@click.option("--id", "task_id", default="task", show_default=True, help="Names the task in the file.")
@click.option("--provider", "providers", multiple=True, help="Ask only this provider's models.")
@click.option("-m", "--model", "models", multiple=True, metavar="GLOB", help="Ask only models that match.")
@click.option("-n", "--samples", type=click.IntRange(1), default=1, show_default=True, help="Answers per model.")
@click.option("--temperature", "temperatures", multiple=True, type=float, help="Given several times: a model for each.")
@click.option("--seed", type=int, default=1, show_default=True, help="First seed.")
@click.option("--note", help="What ran the models, with its version.")
def record(
    task: str,
    output: Path,
    task_id: str,
    providers: tuple[str, ...],
    models: tuple[str, ...],
    samples: int,
    temperatures: tuple[float, ...],
    seed: int,
    note: str | None,
) -> None:
    """Ask models TASK, and write their answers down, unchanged, for `conductor --provider replay`.

    An answer that failed is not written. With several temperatures, each model is recorded once a temperature, under a
    name that ends with it.
    """
    run = {"providers": providers, "models": models, "samples": samples, "seed": seed}
    answers: list[Recorded] = []
    for temperature in temperatures or (None,):
        asked = run if temperature is None else run | {"temperature": temperature}
        done = asyncio.run(_conduct(task, {"run": asked, "history": {"enabled": False}}))
        suffix = f"-t{temperature:g}" if len(temperatures) > 1 else ""
        answers += _recorded(done, task_id, suffix, temperature, note)
    write_recording(output, answers)
    click.echo(f"{len(answers)} answers are in {output}", err=True)


async def _conduct(text: str, overrides: dict[str, dict[str, object]]) -> Run:
    async with Session.start(overrides=overrides) as session:
        project = read_project(session.root, session.settings("prompt", PromptSettings))
        run = await conduct(session, read_task(text, project=project))
    if run.error is not None:
        raise run.error
    return run


def _recorded(run: Run, task_id: str, suffix: str, temperature: float | None, note: str | None) -> Sequence[Recorded]:
    today = datetime.now(UTC).date().isoformat()
    return [
        Recorded(
            task_id=task_id,
            task=run.task.text,
            model=answer.model.name.lower() + suffix,
            sample=answer.sample,
            answer=answer.text,
            reasoning=answer.reasoning,
            finish_reason=answer.finish_reason,
            seconds=_rounded(answer.seconds),
            first_token_seconds=_rounded(answer.first_token_seconds),
            prompt_tokens=answer.usage.prompt_tokens,
            completion_tokens=answer.usage.completion_tokens,
            temperature=temperature,
            parameters=answer.model.parameters,
            recorded=today,
            source=_source(answer, note),
        )
        for answer in run.answers
        if answer.error is None
    ]


def _source(answer: Answer, note: str | None) -> str:
    return answer.model.id + (f" ({note})" if note else "")


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


if __name__ == "__main__":
    try:
        record()
    except ConductorError as exc:
        sys.exit(f"Error: {exc.message}" + (f"\nHint: {exc.hint}" if exc.hint else ""))
