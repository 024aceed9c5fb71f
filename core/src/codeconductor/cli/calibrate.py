"""`conductor calibrate`: fits the table that turns agreement into a probability, from known outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from codeconductor.cli.options import common_options, json_option

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor.calibration import Fitted, Form
    from codeconductor.calibration.measures import Quality
    from codeconductor.pipeline.calibrating import Known, Refit
    from codeconductor.session import Session

_FORMS = ("plain", "negative", "log", "complement")


def _terms(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[tuple[str, Form], ...] | None:
    """`SIGNAL:FORM,…` as pairs."""
    if value is None:
        return None
    terms: list[tuple[str, Any]] = []
    for text in value.split(","):
        signal, colon, form = text.strip().partition(":")
        if not signal or not colon or form not in _FORMS:
            raise click.BadParameter(f"{text!r} is no SIGNAL:FORM, where FORM is one of {', '.join(_FORMS)}")
        terms.append((signal, form))
    if len(set(terms)) < len(terms):
        raise click.BadParameter(f"a term stands twice in {value!r}")
    return tuple(terms)


@click.command("calibrate")
@click.argument("decisions", metavar="[DECISIONS]…", nargs=-1)
@click.option("--outcomes", metavar="FILE", multiple=True, help="Known results of their tasks; may be repeated.")
@click.option("-o", "--output", metavar="FILE", help="Write the table there, in place of where it is used from.")
@click.option(
    "--terms",
    metavar="SIGNAL:FORM,…",
    callback=_terms,
    help="Fit these alone, for a strategy to bring; default: those that the strategy brings, and these count as well.",
)
@json_option
@common_options
def command(
    decisions: tuple[str, ...],
    outcomes: tuple[str, ...],
    output: str | None,
    terms: tuple[tuple[str, Form], ...] | None,
    as_json: bool,
    log_file: str | None,
) -> None:
    """Fit the table that turns agreement into a probability.

    DECISIONS are files that `conductor consensus --json` or `-o` wrote (`-` is standard input), --outcomes the results
    of the answers that were chosen: {"task_id", "model", "sample", "passed"}. Without files, the runs of the history
    count whose outcome was told with `conductor history outcome`. A strategy needs 60 outcomes on a kind of task.
    """
    import datetime
    from pathlib import Path

    from codeconductor.calibration import FILE, table_document
    from codeconductor.cli import console
    from codeconductor.cli.running import in_session
    from codeconductor.pipeline.calibrating import calibrate
    from codeconductor.settings import data_folder

    if bool(decisions) != bool(outcomes):
        lacking = "option --outcomes" if decisions else "argument DECISIONS"
        raise click.UsageError(f"the {lacking} is missing: decisions are judged by the outcomes of their tasks")
    console.check_output(output)
    known = _known(decisions, outcomes, data_folder())
    console.notice(_counted(known))
    day = datetime.datetime.now(datetime.UTC).date().isoformat()

    async def work(session: Session) -> Refit:
        return calibrate(session, known, day=day, terms=terms)

    refit = in_session(work, log_file=log_file)
    path = Path(output) if output else data_folder() / FILE
    document = table_document(refit.fitted, () if output else _kept(path))
    _write(path, document)
    if as_json:
        console.result(console.document(document))
    else:
        columns = ("strategy", "kind", "record", "outcomes", "right", "by", "ECE", "95 %", "Brier", "AUROC")
        rows = [row for one in refit.fitted for row in _rows(one)]
        console.print_table(columns, rows, right={"outcomes", "right", "ECE", "Brier", "AUROC"})
    for (strategy, kind, record), count in sorted(refit.few.items()):
        console.notice(
            f"{strategy}, {kind}, {_record(record)}: {count} outcomes are too few; agreement stays agreement"
        )
    console.notice(f"Written to {path}" + ("" if output else ": decisions use it from now on; delete it to undo that"))


def _known(decisions: tuple[str, ...], outcomes: tuple[str, ...], folder: Path) -> Known:
    from codeconductor.pipeline.calibrating import known_of_history
    from codeconductor.pipeline.recorded import read_known

    return read_known(decisions, outcomes) if decisions else known_of_history(folder)


def _counted(known: Known) -> str:
    counts = [f"{len(known.judged)} decisions with a known outcome"]
    if known.unknown:
        counts.append(f"{known.unknown} without one")
    if known.without:
        counts.append(f"{known.without} tasks without a choice")
    return f"From {known.source}: {', '.join(counts)}"


def _kept(path: Path) -> list[dict[str, Any]]:
    """The entries of the table that is there; of one that cannot be used nothing is kept."""
    from codeconductor.calibration import TableError, read_table
    from codeconductor.cli import console

    try:
        return read_table(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, TableError) as exc:
        console.warning(f"the calibration {path} is replaced: {exc}")
        return []


def _write(path: Path, document: dict[str, Any]) -> None:
    from codeconductor.calibration import write_table
    from codeconductor.errors import InputError

    try:
        write_table(path, document)
    except OSError as exc:
        raise InputError(
            f"cannot write {str(path)!r}: {exc.strerror}", hint="give another file with -o, or free some space"
        ) from exc


def _record(record: bool) -> str:
    return "with a track record" if record else "without a track record"


def _rows(one: Fitted) -> list[tuple[str, ...]]:
    """A calibration as rows: the agreement, and the confidence on tasks that it was not fitted on."""
    calibration = one.calibration
    head = (calibration.strategy, calibration.kind, "yes" if calibration.record else "no", str(calibration.n))
    measured = [("agreement", one.before), ("confidence", one.after), ("… other files", one.across)]
    rows: list[tuple[str, ...]] = []
    for name, quality in measured:
        if quality is not None:
            rows.append((*(head if not rows else ("",) * len(head)), *_numbers(name, quality)))
    return rows


def _numbers(name: str, quality: Quality) -> tuple[str, ...]:
    auroc = "–" if quality.auroc is None else f"{quality.auroc:.3f}"
    interval = f"{quality.ece_low:.3f} – {quality.ece_high:.3f}"
    return f"{quality.right:.2f}", name, f"{quality.ece:.3f}", interval, f"{quality.brier:.3f}", auroc
