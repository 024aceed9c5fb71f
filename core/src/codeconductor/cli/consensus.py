"""`conductor consensus`: a strategy over answers that were recorded earlier, a line of JSON a task."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from codeconductor.cli.options import common_options

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import IO

    from codeconductor.pipeline.recorded import Recording
    from codeconductor.session import Session

_MANY = 50
"""Tasks from which on progress is told at each tenth of them."""

_ROW = "{:<24}  {:>9}  {:>10}  {:<10}  {:<32}  {}"


@click.command("consensus")
@click.argument("answers", metavar="ANSWERS")
@click.option("--tasks", metavar="TASKS", required=True, help="JSON lines of the tasks, plain or gzip.")
@click.option("-s", "--strategy", metavar="NAME", help="How to decide: auto, majority, weighted, best, …")
@click.option("--outcomes", metavar="FILE", help="Known results on other tasks, to learn weights and advice from.")
@click.option("--weights", metavar="FILE", help="A JSON object of weights by model, taken as they are.")
@click.option("--min-confidence", type=float, metavar="P", help="Abstain below it: exit 5 when any decision does.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="End after N tasks.")
@click.option("-o", "--output", metavar="FILE", help="Add the decisions to a file; skip tasks that it decides already.")
@click.option("--seed", type=int, metavar="N", help="For whatever a strategy draws by chance; default 0.")
@click.option("--no-history", is_flag=True, help="Learn nothing from past runs.")
@click.option("--no-execute", is_flag=True, help="Run no candidate to compare them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON lines, one a task, in place of a table.")
@common_options
def command(answers: str, tasks: str, as_json: bool, output: str | None, **options: Any) -> None:
    """Decide between answers that were recorded earlier.

    ANSWERS has JSON lines, plain or gzip: {"task_id", "model", "sample", "answer"}; `-` is standard input.
    """
    from codeconductor.cli import console
    from codeconductor.cli.running import in_session
    from codeconductor.cli.signals import raise_interrupts
    from codeconductor.pipeline.recorded import DecisionFile, decide_recorded, open_recording, read_weights

    console.check_output(output)
    decided = None if output is None else DecisionFile(output)
    weights = None if options["weights"] is None else read_weights(options["weights"])
    with ExitStack() as exits:

        def work(session: Session) -> Awaitable[None]:
            done = () if decided is None else decided.decided()
            raise_interrupts()  # from here on there are temporary files to take away
            opened = open_recording(session, answers, tasks, options["outcomes"], done)
            recording = exits.enter_context(opened)
            file = None if decided is None else exits.enter_context(decided.open())
            progress = _Progress(recording, options["limit"], file, as_json=as_json)
            write = exits.enter_context(progress)
            deciding = decide_recorded(session, recording, write, weights=weights, limit=options["limit"])
            return progress.checked(deciding)

        try:
            in_session(work, overrides=_overrides(options), log_file=options["log_file"])
        except KeyboardInterrupt:
            kept = (
                f"what was decided is in {output!r}: the same command goes on"
                if output
                else "what was decided is printed"
            )
            raise KeyboardInterrupt(kept) from None


def _overrides(options: dict[str, Any]) -> dict[str, dict[str, object]]:
    run = {name: options[name] for name in ("strategy", "seed", "min_confidence") if options[name] is not None}
    if options["no_execute"]:
        run["execute"] = False
    return {"run": run, **({"history": {"enabled": False}} if options["no_history"] else {})}


def _writer(file: IO[bytes] | None, as_json: bool) -> Callable[[dict[str, Any]], None]:
    """Where a decision goes: into the file, else as a line on standard output."""
    from codeconductor.cli import console
    from codeconductor.pipeline.recorded import as_line

    if file is not None:
        return lambda document: _write(file, as_line(document).encode("ascii"))
    if as_json:
        return lambda document: _print(as_line(document))
    _print(_ROW.format("task", "agreement", "confidence", "strategy", "choice", "outcome").rstrip() + "\n")
    return lambda document: _print(console.visible(_row(document)) + "\n")


def _write(file: IO[bytes], line: bytes) -> None:
    from codeconductor.errors import InputError

    try:
        file.write(line)
    except OSError as exc:
        raise InputError(
            f"cannot write the decisions: {exc.strerror}", hint="free some space; the same command goes on"
        ) from exc


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _row(document: dict[str, Any]) -> str:
    """A decision as a row of the table."""
    choice = document["choice"]
    if choice is None:
        return _ROW.format(_short(document["task_id"], 24), "–", "–", "–", "–", _short(document["error"] or "", 60))
    said = document["outcome"]
    outcome = next(
        (said[key] for key in ("answer", "calls", "text") if key in said), "code" if "code" in said else "plan"
    )
    return _ROW.format(
        _short(document["task_id"], 24),
        f"{document['agreement']:.2f}",
        f"{document['confidence']:.2f}" if document["calibrated"] else "–",
        document["strategy"],
        "(abstained)" if document["abstained"] else _short(f"{choice['model']} #{choice['sample'] + 1}", 32),
        _short(str(outcome), 60),
    )


def _short(text: str, width: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


class _Progress:
    """Counts what is written: a bar on a terminal that shows nothing else, otherwise a line at each tenth."""

    def __init__(self, recording: Recording, limit: int | None, file: IO[bytes] | None, *, as_json: bool) -> None:
        from codeconductor.cli import console

        self._total = min(recording.index.count_open(), limit or sys.maxsize)
        self._write = _writer(file, as_json)
        self._done = self._without = self._abstained = self._uncalibrated = 0
        self._bar: Any = None
        if console.is_live() and (file is not None or not sys.stdout.isatty()):
            self._bar = click.progressbar(length=self._total, label="Deciding", file=sys.stderr)

    def __enter__(self) -> Callable[[dict[str, Any]], None]:
        if self._bar is not None:
            self._bar.__enter__()
        return self._count

    async def checked(self, deciding: Awaitable[None]) -> None:
        """Decide, and refuse in the end what is less than `--min-confidence`.

        Raises:
            LowConfidenceError: At least one decision is.
        """
        from codeconductor.errors import LowConfidenceError

        await deciding
        if self._abstained:
            uncalibrated = f" ({self._uncalibrated} by their agreement, as no calibration fits)"
            raise LowConfidenceError(
                f"{self._abstained} of {self._done} decisions are below --min-confidence"
                + (uncalibrated if self._uncalibrated else ""),
                hint="they are marked as abstained; give answers of more models, or lower it",
            )

    def _count(self, document: dict[str, Any]) -> None:
        from codeconductor.cli import console

        self._write(document)
        self._done += 1
        self._without += document["choice"] is None
        self._abstained += document["abstained"]
        self._uncalibrated += document["abstained"] and not document["calibrated"]
        if self._bar is not None:
            self._bar.update(1)
        elif self._total >= _MANY and self._done % (self._total // 10) == 0 and self._done < self._total:
            console.notice(f"{self._done} of {self._total} tasks decided")

    def __exit__(self, *_exc: object) -> None:
        from codeconductor.cli import console

        if self._bar is not None:
            self._bar.__exit__(None, None, None)
        without = f", {self._without} of them without a choice" if self._without else ""
        console.notice(f"{self._done} of {self._total} tasks decided{without}")
