"""`conductor verify`: runs code with its tests in the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from codeconductor.cli.options import common_options, json_option, not_empty

if TYPE_CHECKING:
    from codeconductor.session import Session
    from codeconductor.verification import TestReport

_SHOWN = 20
"""Tests that did not pass whose messages are printed."""


@click.command("verify")
@click.argument("path", default=".", callback=not_empty)
@click.option(
    "--tests",
    metavar="PATH",
    multiple=True,
    callback=not_empty,
    help="Run these alone; may be repeated, and lie elsewhere.",
)
@click.option("--runner", metavar="NAME", help="pytest, node, cargo, go, command, …; default: the one that fits.")
@click.option("--timeout", type=float, metavar="SECONDS", help="For all tests together; default 300.")
@json_option
@common_options
def command(
    path: str, tests: tuple[str, ...], runner: str | None, timeout: float | None, as_json: bool, log_file: str | None
) -> None:
    """Run the tests of the folder PATH (default: the current one) in the sandbox.

    It works on a copy without what .gitignore excludes: PATH is never changed, and nothing stays behind. Exit 0: at
    least one test ran and all passed; 7: they failed; 2: no runner fits, or no test was found.
    """
    from pathlib import Path

    from codeconductor.cli import console
    from codeconductor.cli.running import in_session
    from codeconductor.converters import verification_document
    from codeconductor.errors import InputError, TestsFailedError
    from codeconductor.verification import TIMEOUT, verify

    folder = Path(path)
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "does not exist"
        raise InputError(f"{path!r} {what}", hint="give the folder of a project; files with tests go with --tests")

    async def work(session: Session) -> TestReport:
        given = [Path(test) for test in tests]
        return await verify(
            session, folder, tests=given, runner=runner, timeout=TIMEOUT if timeout is None else timeout
        )

    report = in_session(work, log_file=log_file)
    for warning in report.warnings:
        console.warning(warning)
    if as_json:
        console.result(console.document(verification_document(report)))
    else:
        _print(report)
    if report.is_empty:
        raise InputError(
            f"the runner {report.runner!r} found no test", hint="give tests with --tests, or name another --runner"
        )
    if not report.is_green:
        raise TestsFailedError(
            report.fault or f"{report.failed + report.errors} of {len(report.cases)} tests did not pass",
            hint="what they printed last is in `output_tail` of --json" if not as_json else None,
        )


def _print(report: TestReport) -> None:
    from codeconductor.cli import console

    bad = [case for case in report.cases if case.status in {"failed", "error"}]
    for case in bad[:_SHOWN]:
        place = f"{case.file}::" if case.file else ""
        console.result(f"{case.status.upper():7} {console.one_line(place + case.name)}")
        if case.message:
            console.result("\n".join(f"    {line}" for line in console.visible(case.message).splitlines()))
    if len(bad) > _SHOWN:
        console.result(f"… and {len(bad) - _SHOWN} more")
    if report.fault and not bad and report.output_tail:
        console.result(console.visible(report.output_tail[-4000:]))
    counts = [f"{report.passed} passed"]
    for word, count in (("failed", report.failed), ("errors", report.errors), ("skipped", report.skipped)):
        counts += [f"{count} {word}"] if count else []
    where = f"{report.runner}, in {report.sandbox.name} ({report.sandbox.strength})"
    console.result(f"{', '.join(counts)} in {report.seconds:.2f} s ({where})")
