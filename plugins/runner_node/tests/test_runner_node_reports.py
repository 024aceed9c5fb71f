"""Reports of node, vitest and jest, recorded, and files that are tested where Node.js is found."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import codeconductor_runner_node
from codeconductor import verify
from codeconductor_runner_node._reports import read_json_report, read_lines
from codeconductor_runner_node._runner import NodeRunner

if TYPE_CHECKING:
    from codeconductor import Session
    from codeconductor.testing import MakeSession


def line(**facts: Any) -> bytes:
    told = {"kind": "test", "passed": True, "name": "a", "file": "a.test.js", "nesting": 0, "suite": False}
    told |= {"skipped": False, "todo": False, "seconds": 0.1, "message": None, **facts}
    return json.dumps(told).encode() + b"\n"


END = b'{"kind": "end"}\n'


def test_tests_of_node_are_told(tmp_path: Path) -> None:
    report = (
        line() + line(name="b", passed=False, message="no") + line(name="s", suite=True) + line(name="c", skipped=True)
    )
    run = read_lines(report + END, 1, tmp_path)
    assert [(case.name, case.status) for case in run.cases] == [("a", "passed"), ("b", "failed"), ("c", "skipped")]
    assert run.fault is None


def test_a_report_that_is_not_whole_is_no_pass(tmp_path: Path) -> None:
    assert read_lines(line(), 0, tmp_path).fault
    assert read_lines(b"", 0, tmp_path).fault
    assert read_lines(line() + END, 1, tmp_path).fault == "node --test ended with status 1"


def test_a_file_whose_tests_were_not_reported_is_an_error(tmp_path: Path) -> None:
    """One without any is a test itself."""
    (tmp_path / "a.test.js").write_text("process.exit(0); test('x', () => {});")
    (tmp_path / "b.test.js").write_text("require('assert')(true);")
    report = line(name="a.test.js") + line(name="b.test.js", file="b.test.js")
    run = read_lines(report + END, 0, tmp_path)
    assert [case.status for case in run.cases] == ["error", "passed"]


def test_the_json_of_vitest_and_jest_is_read(tmp_path: Path) -> None:
    tests = [
        {"fullName": "a", "status": "passed", "duration": 2, "failureMessages": []},
        {"fullName": "b", "status": "failed", "duration": 1, "failureMessages": ["no"]},
        {"fullName": "c", "status": "pending", "failureMessages": []},
    ]
    suites = [
        {"name": "a.test.js", "status": "failed", "assertionResults": tests},
        {"name": "b.test.js", "status": "failed", "message": "cannot load", "assertionResults": []},
    ]
    file = tmp_path / "report.json"
    file.write_text(json.dumps({"numTotalTests": 3, "testResults": suites}))
    run = read_json_report(file, 1, "vitest", tmp_path)
    assert [case.status for case in run.cases] == ["passed", "failed", "skipped", "error"]
    assert run.fault is None
    file.write_text(json.dumps({"numTotalTests": 4, "testResults": suites}))
    assert read_json_report(file, 1, "jest", tmp_path).fault
    assert read_json_report(tmp_path / "none", 0, "jest", tmp_path).fault


def test_files_are_tested_where_node_is_found(make_session: MakeSession, session: Session) -> None:
    """Elsewhere it is said what to install; the reports above are recorded."""
    if shutil.which("node") is None:
        assert "install Node.js" in str(NodeRunner().lacks(session))
        return
    Path("a.test.js").write_text(
        "const { test } = require('node:test');\ntest('good', () => {});\ntest('bad', () => { throw 1 });\n"
    )
    Path("b.test.js").write_text("console.log('# pass 9'); process.exit(0); test('x', () => {});\n")
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_node=codeconductor_runner_node)
    report = asyncio.run(verify(ours, Path()))
    told = {case.name: case.status for case in report.cases}
    assert told == {"good": "passed", "bad": "failed", "b.test.js": "error"}
