"""What core relies on in a test runner."""

from __future__ import annotations

import asyncio
import inspect
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import pytest

from codeconductor.hookspecs import hookimpl
from codeconductor.sandbox import Ended, find_sandbox
from codeconductor.testing.contracts.base import Contract, files_of, lay_out, must_override
from codeconductor.verification import TestBench, TestReport, TestRun, verify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor.session import Session
    from codeconductor.testing.sessions import MakeSession
    from codeconductor.verification import TestRunner

_SECONDS = 120.0
"""Of wall clock, for the tests of one folder."""

_ODD = ("pyproject.toml", "package.json", "Cargo.toml", "go.mod", "Makefile", "test_a.py", "a.test.js", "a_test.go")


class _Brings:
    """A plugin that brings one runner."""

    def __init__(self, runner: TestRunner) -> None:
        self._runner = runner

    @hookimpl
    def conductor_test_runners(self) -> list[TestRunner]:
        """The one."""
        return [self._runner]


class _Idle(TestBench):
    """A bench whose time is over: nothing is run on it."""

    async def run(self, argv: Sequence[str], **_: Any) -> Ended:
        """Nothing."""
        self.timed_out = True
        return Ended(status=None, output=b"", timed_out=True, survived=False)


class RunnerContract(Contract):
    """Override `runner`, `passing` and `failing`, and `plugin` where the runner has settings of its own.

    With `ending` and `alone` more is tested. What has to be run is run in the sandbox; where the runner says that it
    lacks something on this machine, those tests are skipped.
    """

    @pytest.fixture
    def runner(self) -> TestRunner:
        """The runner, as its hook gives it."""
        raise must_override("runner", "give the object that `conductor_test_runners` brings")

    @pytest.fixture
    def passing(self) -> Mapping[str, str]:
        """Files by path, of a folder whose tests all pass."""
        raise must_override("passing", "give the files, by path, of a folder whose tests all pass")

    @pytest.fixture
    def failing(self) -> Mapping[str, str]:
        """Files by path, of a folder with a test that fails."""
        raise must_override("failing", "give the files, by path, of a folder with a test that fails")

    @pytest.fixture
    def testless(self) -> Mapping[str, str]:
        """Files by path, of a folder of the runner's kind in which there is no test."""
        return {"README.md": "There are no tests here.\n"}

    @pytest.fixture
    def ending(self) -> Mapping[str, str] | None:
        """Files by path, of a folder whose tests end their process early with status 0; None: it cannot be told."""
        return None

    @pytest.fixture
    def alone(self) -> str | None:
        """Path of a test in `passing` that passes by itself, beside the files of `failing`; None: it is not tested."""
        return None

    @pytest.fixture
    def plugin(self, runner: TestRunner) -> Any:
        """The plugin that brings it: the module that your entry point names, where it has settings."""
        return _Brings(runner)

    @pytest.fixture
    def settings(self) -> Mapping[str, Any]:
        """Settings tables with which it runs."""
        return {}

    @pytest.fixture
    def runner_session(self, make_session: MakeSession, plugin: Any, settings: Mapping[str, Any]) -> Session:
        """With the plugin alone, in any sandbox that works here."""
        return make_session({"sandbox": {"minimum": "none"}, **settings}, plugin=plugin)

    # What it says of itself

    def test_its_name_is_what_people_type(self, runner: TestRunner) -> None:
        """`--runner NAME` finds it: a text in lower case without blanks."""
        assert isinstance(runner.name, str), "give it a `name`"
        assert runner.name, "the name is empty"
        assert runner.name == runner.name.lower().strip(), "write the name in lower case"
        assert " " not in runner.name, "the name has a blank"

    def test_running_is_a_coroutine_function(self, runner: TestRunner) -> None:
        """Commands run in the sandbox, so it is awaited."""
        assert inspect.iscoroutinefunction(runner.run_tests), "write `async def run_tests`"

    def test_what_it_lacks_is_a_text(self, runner: TestRunner, runner_session: Session) -> None:
        """`lacks`, where it has one, says what to install or set, or None."""
        lacking = _lacks(runner, runner_session)
        assert lacking is None or (isinstance(lacking, str) and lacking), "`lacks` gives advice, or None: nothing"

    # Which folders it fits

    def test_how_well_it_fits_is_a_number(
        self, runner: TestRunner, runner_session: Session, passing: Mapping[str, str], testless: Mapping[str, str]
    ) -> None:
        """A whole number for a folder of its kind; for another one that, or None: not at all."""
        lay_out(Path("own"), passing)
        lay_out(Path("other"), testless)
        assert type(runner.fits(Path("own"), runner_session)) is int, "give a whole number where there are tests"
        assert type(runner.fits(Path("other"), runner_session)) in (int, type(None)), "give a whole number, or None"

    def test_looking_at_a_folder_changes_nothing(
        self, runner: TestRunner, runner_session: Session, passing: Mapping[str, str]
    ) -> None:
        """`fits` is asked of every runner, in the user's own folder."""
        lay_out(Path(), passing)
        before = files_of(Path())
        runner.fits(Path(), runner_session)
        assert files_of(Path()) == before, "only read in `fits`"

    def test_it_takes_any_folder(self, runner: TestRunner, runner_session: Session) -> None:
        """Whatever has the names of its files: no text, a folder, a link that leads nowhere."""
        for place in ("binary", "folders", "links"):
            Path(place).mkdir()
        for name in _ODD:
            Path("binary", name).write_bytes(b"\xff\x00[{")
            Path("folders", name).mkdir()
            Path("links", name).symlink_to("nowhere")
        for place in ("binary", "folders", "links", "not there"):
            assert type(runner.fits(Path(place), runner_session)) in (int, type(None)), f"{place}: give None"

    # What it finds out

    def test_tests_that_pass_are_green(
        self, runner: TestRunner, runner_session: Session, passing: Mapping[str, str]
    ) -> None:
        """At least one case, all passed, no fault."""
        report = _verified(runner, runner_session, passing)
        assert report.is_green, f"{report.fault}; {report.cases}; {report.output_tail}"

    def test_a_test_that_fails_is_told(
        self, runner: TestRunner, runner_session: Session, failing: Mapping[str, str]
    ) -> None:
        """A case that failed, with a message for whoever is to correct the code."""
        report = _verified(runner, runner_session, failing)
        assert not report.is_green, "a test that fails is not green"
        bad = [case for case in report.cases if case.status in ("failed", "error")]
        assert bad, f"give the case that failed; there are {report.cases}"
        assert all(case.message for case in bad), "give a failed case its `message`"

    def test_no_test_is_never_green(
        self, runner: TestRunner, runner_session: Session, testless: Mapping[str, str]
    ) -> None:
        """No case at all, or a fault."""
        report = _verified(runner, runner_session, testless)
        assert not report.passed, "where no test ran, give no case that passed"

    def test_its_cases_name_tests_and_files(
        self, runner: TestRunner, runner_session: Session, passing: Mapping[str, str]
    ) -> None:
        """A file is one of the folder's, relative and with slashes; None: the runner does not tell."""
        for case in _verified(runner, runner_session, passing).cases:
            assert case.name.strip(), "a case has no name"
            if case.file is not None:
                is_inside = not PurePosixPath(case.file).is_absolute() and ".." not in PurePosixPath(case.file).parts
                assert is_inside, f"{case.file!r}: give it relative to bench.folder"
                assert Path(case.file).is_file(), f"{case.file!r} is no file of the folder"

    def test_a_process_that_ends_early_does_not_pass(
        self, runner: TestRunner, runner_session: Session, ending: Mapping[str, str] | None
    ) -> None:
        """A test that leaves with status 0 before the others ran: the runner's own report is not whole."""
        if ending is None:
            pytest.skip("override `ending` to have it tested")
        report = _verified(runner, runner_session, ending)
        assert not report.is_green, "look for the runner's own end of the report, not at the exit status"

    def test_only_the_tests_that_are_named_run(
        self,
        runner: TestRunner,
        runner_session: Session,
        passing: Mapping[str, str],
        failing: Mapping[str, str],
        alone: str | None,
    ) -> None:
        """`bench.tests` has the files and folders that alone are run."""
        if alone is None:
            pytest.skip("override `alone` to have it tested")
        report = _verified(runner, runner_session, {**failing, **passing}, tests=[Path(alone)])
        assert report.is_green, f"run what `bench.tests` names, and nothing else: {report.cases}"

    def test_the_folder_stays_as_it_was(
        self, runner: TestRunner, runner_session: Session, passing: Mapping[str, str]
    ) -> None:
        """What it writes, it writes into `bench.folder` or `bench.scratch`, which are thrown away."""
        _verified(runner, runner_session, passing)
        assert files_of(Path()) == {path: text.encode() for path, text in passing.items()}, "leave bench.origin alone"

    def test_all_is_run_by_the_bench(
        self, runner: TestRunner, runner_session: Session, passing: Mapping[str, str], tmp_path: Path
    ) -> None:
        """`bench.run` is the only way to run something of the folder; when its time is over, nothing passes."""
        _skip_where_it_lacks(runner, runner_session)
        lay_out(Path(), passing)
        lay_out(tmp_path / "work" / "copy", passing)
        sandbox = find_sandbox(runner_session)
        assert sandbox is not None
        bench = _Idle(
            session=runner_session,
            sandbox=sandbox,
            work=tmp_path / "work",
            folder=tmp_path / "work" / "copy",
            origin=Path.cwd(),
            tests=(),
            linked={},
            seconds=0.0,
        )
        run = asyncio.run(_run(runner, bench))
        assert isinstance(run, TestRun), f"give a TestRun, not {run!r}"
        passed = [case.name for case in run.cases if case.status == "passed"]
        assert not passed or run.fault, (
            "run everything with `bench.run`, and believe no test of which nothing was heard"
        )


async def _run(runner: TestRunner, bench: TestBench) -> TestRun:
    return await runner.run_tests(bench)


def _lacks(runner: TestRunner, session: Session) -> Any:
    lacks = getattr(runner, "lacks", None)
    return None if lacks is None else lacks(session)


def _skip_where_it_lacks(runner: TestRunner, session: Session) -> None:
    lacking = _lacks(runner, session)
    if lacking:
        pytest.skip(f"it cannot run here: {lacking}")


def _verified(runner: TestRunner, session: Session, files: Mapping[str, str], **more: Any) -> TestReport:
    _skip_where_it_lacks(runner, session)
    lay_out(Path(), files)
    return asyncio.run(verify(session, Path(), runner=runner.name, timeout=_SECONDS, **more))
