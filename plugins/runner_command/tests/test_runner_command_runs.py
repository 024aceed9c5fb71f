"""Any command as a runner: its exit status, and the JUnit XML that it writes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import codeconductor_runner_command
import pytest
from codeconductor import InputError, verify

if TYPE_CHECKING:
    from codeconductor import TestReport
    from codeconductor.testing import MakeSession

XML = "<testsuite tests='1'><testcase name='a'/></testsuite>"


def verified(make_session: MakeSession, *argv: str, **settings: Any) -> TestReport:
    tables = {"sandbox": {"minimum": "none"}, "runners": {"command": {"argv": list(argv), **settings}}}
    session = make_session(tables, runner_command=codeconductor_runner_command)
    return asyncio.run(verify(session, Path()))


def test_the_exit_status_alone_counts_with_a_warning(make_session: MakeSession) -> None:
    report = verified(make_session, "sh", "-c", "exit 0")
    assert report.is_green
    assert "the exit status alone" in report.warnings[0]
    assert not verified(make_session, "sh", "-c", "exit 3").is_green


def test_a_report_must_be_written_anew_and_fit_the_status(make_session: MakeSession) -> None:
    Path("out").mkdir()
    Path("out/a.xml").write_text(XML)
    assert "without the report" in str(verified(make_session, "true", junit="out/*.xml").fault)
    write = f'echo "{XML}" > out/a.xml'
    assert verified(make_session, "sh", "-c", write, junit="out/*.xml").is_green
    assert not verified(make_session, "sh", "-c", f"{write}; exit 1", junit="out/*.xml").is_green
    assert "cannot be used" in str(verified(make_session, "sh", "-c", "echo x > out/a.xml", junit="out/*.xml").fault)


def test_without_a_command_it_says_what_to_set(make_session: MakeSession) -> None:
    session = make_session({"sandbox": {"minimum": "none"}}, runner_command=codeconductor_runner_command)
    with pytest.raises(InputError) as raised:
        asyncio.run(verify(session, Path(), runner="command"))
    assert "[runners.command] argv" in str(raised.value.hint)
