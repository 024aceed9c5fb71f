"""Verifying a folder with runners of the tests' own: which is taken, what counts as green, and what is left behind."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Ended, InputError, TestCase, TestReport, TestRun, cases_of_junit, hookimpl, verify
from codeconductor.converters import verification_document
from codeconductor.errors import PluginError
from codeconductor.sandbox import find_sandbox

if TYPE_CHECKING:
    from codeconductor import Session, TestBench
    from codeconductor.testing import MakeSession

PASSED = TestCase(name="a", status="passed")
SKIPPED = TestCase(name="b", status="skipped")


class Shell:
    """Runs a shell command in the bench, and gives what it is told to."""

    def __init__(
        self,
        script: str = "true",
        run: Any = None,
        *,
        name: str = "shell",
        fit: int | None = 1,
        reports: bool = False,
        prints_report: bool = False,
    ) -> None:
        self.name = name
        self.script = script
        self.result = run if run is not None else TestRun(cases=[PASSED])
        self.fit = fit
        self.reports = reports
        self.prints_report = prints_report
        self.ended: Ended | None = None
        self.bench: TestBench | None = None

    def fits(self, folder: Path, session: Session) -> int | None:
        assert folder.is_dir()
        assert session.plugins
        return self.fit

    async def run_tests(self, bench: TestBench) -> Any:
        self.bench = bench
        self.ended = await bench.run(
            ["/bin/sh", "-c", self.script], reports=self.reports, prints_report=self.prints_report
        )
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class Brings:
    """A plugin with runners."""

    def __init__(self, *runners: object) -> None:
        self.runners = runners

    @hookimpl
    def conductor_test_runners(self) -> tuple[object, ...]:
        return self.runners


def verified(make_session: MakeSession, *runners: object, **more: Any) -> TestReport:
    session = make_session({"sandbox": {"minimum": "none"}}, shell=Brings(*runners))
    return asyncio.run(verify(session, more.pop("folder", Path()), **more))


def printed(runner: Shell) -> str:
    assert runner.ended is not None
    return runner.ended.output.decode()


def test_tests_run_on_a_copy_that_is_gone_afterwards(
    make_session: MakeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder stays as it is, and nothing stays in the folder of temporary files."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    Path("code").write_text("before")
    runner = Shell("cat code; echo after > code; echo x > more; echo y > $HOME/h; echo z > $TMPDIR/t; pwd")
    report = verified(make_session, runner)
    assert report.is_green
    assert printed(runner).startswith("before")
    assert printed(runner).endswith("/project\n")  # under its own name
    assert [(path.name, path.read_text()) for path in Path().iterdir()] == [("code", "before")]
    assert list(temporary.iterdir()) == []


def test_the_path_is_the_persons_own(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """And no other variable is passed on that may hold a secret."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin:/opt/mine")
    monkeypatch.setenv("TOKEN", "secret")
    runner = Shell('echo "$PATH"; echo "[$TOKEN]"')
    verified(make_session, runner)
    assert printed(runner) == "/usr/bin:/bin:/opt/mine\n[]\n"


def test_a_report_comes_through_a_pipe_of_its_own(make_session: MakeSession) -> None:
    runner = Shell('echo printed; python=1; eval "echo told >&$CONDUCTOR_REPORT" 2>/dev/null || true', reports=True)
    verified(make_session, runner)
    assert runner.ended is not None
    assert runner.ended.output == b"printed\n"
    assert runner.ended.report in {b"told\n", b""}  # a shell may know descriptors of one digit alone


def test_what_is_printed_may_be_the_report(make_session: MakeSession) -> None:
    """The command's own standard output alone: it does not hear of the pipe, so nor does what it starts."""
    runner = Shell('echo "told$CONDUCTOR_REPORT"; echo printed >&2', prints_report=True)
    verified(make_session, runner)
    assert runner.ended is not None
    assert runner.ended.report == b"told\n"
    assert runner.ended.output == b"printed\n"


@pytest.mark.parametrize(
    ("run", "green"),
    [
        (TestRun(cases=[PASSED]), True),
        (TestRun(cases=[PASSED, SKIPPED]), True),
        (TestRun(cases=[SKIPPED]), False),
        (TestRun(), False),
        (TestRun(cases=[PASSED, TestCase(name="c", status="failed")]), False),
        (TestRun(cases=[PASSED, TestCase(name="c", status="error")]), False),
        (TestRun(cases=[PASSED], fault="the report is not whole"), False),
    ],
)
def test_green_is_at_least_one_that_passed_and_none_that_did_not(
    make_session: MakeSession, run: TestRun, green: bool
) -> None:
    report = verified(make_session, Shell(run=run))
    assert report.is_green is green
    assert verification_document(report)["green"] is green


def test_no_test_at_all_is_told_from_tests_that_were_skipped(make_session: MakeSession) -> None:
    assert verified(make_session, Shell(run=TestRun())).is_empty
    report = verified(make_session, Shell(run=TestRun(cases=[SKIPPED])))
    assert (report.is_empty, report.fault) == (False, "no test ran: all 1 were skipped")


def test_a_timeout_is_not_green_whatever_the_runner_says(make_session: MakeSession) -> None:
    """What was printed before is kept, and no further command is started."""
    for seconds in (0.5, 10.0, 60.0):  # a slow machine starts it late
        report = verified(make_session, Shell("echo here; while :; do :; done"), timeout=seconds)
        if report.output_tail:
            break
    assert report.timed_out
    assert not report.is_green
    assert report.fault == f"the tests were ended after {seconds:g} s"
    assert report.output_tail == "here\n"


def test_much_output_is_bounded(make_session: MakeSession) -> None:
    """The end is kept."""
    report = verified(make_session, Shell("head -c 50000000 /dev/zero | tr '\\0' x; echo last"))
    assert report.output_tail.endswith("xxxlast\n")
    assert len(report.output_tail) <= 16_000


def test_the_best_fitting_runner_is_taken(make_session: MakeSession) -> None:
    runners = [Shell(name="b", fit=2), Shell(name="a", fit=2), Shell(name="c", fit=1), Shell(name="d", fit=None)]
    assert verified(make_session, *runners).runner == "a"
    assert verified(make_session, *runners, runner="d").runner == "d"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"runner": "shel"}, "unknown runner 'shel'"),
        ({"tests": [Path("missing.py")]}, "there are no tests at 'missing.py'"),
        ({"timeout": 0.0}, "is no span of time"),
        ({"timeout": float("nan")}, "is no span of time"),
        ({"folder": Path("missing")}, "is no folder"),
    ],
)
def test_what_cannot_be_verified_is_refused(make_session: MakeSession, more: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        verified(make_session, Shell(), **more)


def test_without_a_fitting_runner_their_names_are_told(make_session: MakeSession) -> None:
    with pytest.raises(InputError, match="no runner fits") as raised:
        verified(make_session, Shell(fit=None))
    assert "(shell)" in str(raised.value.hint)


def test_a_weak_sandbox_runs_nothing(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hint says what to install."""
    monkeypatch.setattr("codeconductor.sandbox.choice.strongest", lambda _candidates: None)
    session = make_session(shell=Brings(Shell()))
    assert find_sandbox(session) is None
    with pytest.raises(InputError, match="no sandbox here is partial") as raised:
        asyncio.run(verify(session, Path()))
    assert raised.value.hint


def test_a_runner_that_lacks_something_says_what(make_session: MakeSession) -> None:
    runner = Shell()
    runner.lacks = lambda _session: "install the shell"  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="cannot run here") as raised:
        verified(make_session, runner)
    assert raised.value.hint == "install the shell"


def test_a_runner_that_raises_is_named_with_its_distribution(make_session: MakeSession) -> None:
    with pytest.raises(PluginError, match=r"runner 'shell' of plugin 'shell' \(codeconductor-shell\) failed: KeyError"):
        verified(make_session, Shell(run=KeyError("x")))
    with pytest.raises(PluginError, match="gave str, not a TestRun"):
        verified(make_session, Shell(run="passed"))


def test_tests_from_elsewhere_are_laid_at_the_root(make_session: MakeSession, tmp_path: Path) -> None:
    """Those of the folder lie where they are, also where git ignores them."""
    outside = tmp_path / "test_out.py"
    outside.write_text("out")
    Path("sub").mkdir()
    Path("sub", "test_in.py").write_text("in")
    Path(".gitignore").write_text("sub\n")
    runner = Shell("cat test_out.py sub/test_in.py")
    verified(make_session, runner, tests=[outside, Path("sub/test_in.py")])
    assert printed(runner) == "outin"
    assert runner.bench is not None
    assert runner.bench.tests == ("test_out.py", "sub/test_in.py")


def test_what_is_given_counts_over_what_a_coder_made_of_it(make_session: MakeSession, tmp_path: Path) -> None:
    """Tests have the content of the first folder; the rest is the coder's, ignored or not; a link leads nowhere."""
    Path("test_a.py").write_text("given")
    Path("test_b.py").write_text("own")
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    copy = tmp_path / "copy"
    copy.mkdir()
    (copy / "test_a.py").write_text("changed")
    (copy / "added.py").write_text("added")
    (copy / ".gitignore").write_text("*\n")
    (copy / "test_b.py").symlink_to(victim)
    runner = Shell("cat test_a.py test_b.py; ls")
    verified(make_session, runner, folder=copy, origin=Path(), tests=[Path("test_a.py"), Path("test_b.py")])
    assert printed(runner) == "givenownadded.py\ntest_a.py\ntest_b.py\n"
    assert victim.read_text() == "untouched"


# JUnit XML


def test_junit_is_read_as_each_runner_writes_it() -> None:
    """Cases may stand right below the root, as node's do."""
    content = b"""<testsuites><testcase name="n" time="0.5"/><testsuite tests="3">
      <testcase classname="a.B" name="x" file="a.py"><failure message="no">trace</failure></testcase>
      <testcase name="y"><error>bad</error></testcase><testcase name="z"><skipped message="why"/></testcase>
    </testsuite></testsuites>"""
    cases = cases_of_junit(content)
    told = [(case.name, case.status, case.message) for case in cases]
    assert told == [
        ("n", "passed", None),
        ("a.B::x", "failed", "no\ntrace"),
        ("y", "error", "bad"),
        ("z", "skipped", "why"),
    ]
    assert cases[0].seconds == 0.5


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<testsuites><testcase name='a'/>",
        b"<html/>",
        b"<testsuite tests='2'><testcase name='a'/></testsuite>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><testsuite/>",
    ],
)
def test_junit_that_is_not_whole_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"it|suite"):
        cases_of_junit(content)


def test_a_long_message_keeps_its_beginning_and_its_end() -> None:
    case = TestCase(name="a", status="failed", message="begin" + "x" * 10_000 + "end")
    assert case.message is not None
    assert case.message.startswith("begin")
    assert case.message.endswith("end")
    assert len(case.message) < 4100


def test_the_document_is_json(make_session: MakeSession) -> None:
    document = verification_document(verified(make_session, Shell()))
    assert json.loads(json.dumps(document)) == document
    assert document["schema"] == "conductor.verification/1"
