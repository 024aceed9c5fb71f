"""The runner `command`: any program that tests, told by its exit status, and by JUnit XML where it writes that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor import TestCase, TestRun, cases_of_junit

from codeconductor_runner_command._settings import TABLE, CommandSettings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codeconductor import Ended, Session, TestBench

_LARGEST = 64 * 2**20
"""Bytes of a report that are read."""

_SYSTEM = {Path("/"), Path("/usr"), Path("/usr/local")}


class CommandRunner:
    """Runs the command of the settings; where one is set, it is taken before every other runner."""

    name = "command"

    def fits(self, folder: Path, session: Session) -> int | None:
        """Best where a command is set, whatever the folder has."""
        return 100 if folder.is_dir() and session.settings(TABLE, CommandSettings).argv else None

    def lacks(self, session: Session) -> str | None:
        """A command, or the program that it names."""
        argv = session.settings(TABLE, CommandSettings).argv
        if not argv:
            return 'set the command that runs the tests: [runners.command] argv = ["make", "test"]'
        if "/" not in argv[0] and shutil.which(argv[0]) is None:
            return f"install {argv[0]}, which [runners.command] argv names, or put it on PATH"
        return None

    async def run_tests(self, bench: TestBench) -> TestRun:
        """See `TestRunner`."""
        settings = bench.session.settings(TABLE, CommandSettings)
        if settings.junit:
            for file in _reports(bench.folder, settings.junit):
                file.unlink()
        argv = [word for given in settings.argv for word in (bench.tests if given == "{tests}" else (given,))]
        ended = await bench.run(
            argv,
            environment={name: os.environ[name] for name in settings.environment if name in os.environ},
            readable=[*_program(argv[0]), *map(_home, settings.readable)],
        )
        if settings.junit is None:
            return _by_status(argv, ended)
        return _by_report(ended, settings.junit, _reports(bench.folder, settings.junit))


def _home(path: str) -> Path:
    return Path(path).expanduser()


def _program(name: str) -> list[Path]:
    found = shutil.which(name)
    if found is None:
        return []
    places = {Path(found).parent, Path(found).resolve().parent}
    return sorted(place for place in places if place.parent not in _SYSTEM)


def _reports(folder: Path, pattern: str) -> list[Path]:
    """The files of that name; links are none, as they may lead anywhere."""
    inside = os.path.realpath(folder) + os.sep
    found = sorted(folder.glob(pattern))
    return [file for file in found if file.is_file() and os.path.realpath(file).startswith(inside)]


def _by_status(argv: list[str], ended: Ended) -> TestRun:
    is_well = ended.status == 0 and not ended.timed_out
    message = None if is_well else f"it ended with status {ended.status}"
    case = TestCase(name=" ".join(argv), status="passed" if is_well else "failed", message=message)
    return TestRun(
        cases=[case],
        warnings=["the exit status alone was looked at: which tests ran, and whether any did, is not known"],
    )


def _by_report(ended: Ended, pattern: str, files: Iterable[Path]) -> TestRun:
    cases: list[TestCase] = []
    is_there = False
    for file in files:
        is_there = True
        try:
            if file.stat().st_size > _LARGEST:
                raise ValueError("it is too large")
            cases += cases_of_junit(file.read_bytes())
        except (OSError, ValueError) as exc:
            return TestRun(cases=cases, fault=f"the report {file.name!r} cannot be used: {exc}")
    if not is_there:
        return TestRun(fault=f"the command ended with status {ended.status}, without the report {pattern!r}")
    bad = any(case.status in {"failed", "error"} for case in cases)
    fault = None if bad or ended.status == 0 else f"the command ended with status {ended.status}"
    return TestRun(cases=cases, fault=fault)
