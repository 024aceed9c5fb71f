"""Recorded reports of node, vitest and jest, forms made up to be wrong, and files tested where Node.js is found."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import codeconductor_runner_node
import pytest
from codeconductor import verify
from codeconductor_runner_node._reports import read_json_report, read_lines
from codeconductor_runner_node._runner import NodeRunner

if TYPE_CHECKING:
    from codeconductor import Session, TestRun
    from codeconductor.testing import MakeSession


DATA = Path(__file__).parent / "data"
"""Reports that were recorded, with the files that they are of; its README tells how."""


def line(**facts: Any) -> bytes:
    told = {"kind": "test", "passed": True, "name": "a", "file": "a.test.js", "nesting": 0, "suite": False}
    told |= {"skipped": False, "todo": False, "seconds": 0.1, "message": None, **facts}
    return json.dumps(told).encode() + b"\n"


END = b'{"kind": "end"}\n'


def recorded_of_node(tmp_path: Path, suite: str, status: int) -> TestRun:
    """A recorded report, read beside the file that it is of."""
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(DATA / "node" / f"{suite}.test.js", folder)
    return read_lines((DATA / "node" / f"{suite}.jsonl").read_bytes(), status, folder)


def test_recorded_tests_of_node_are_told(tmp_path: Path) -> None:
    run = recorded_of_node(tmp_path, "passing", 0)
    assert [(case.name, case.file, case.status) for case in run.cases] == [
        ("adds", "passing.test.js", "passed"),
        ("is nested", "passing.test.js", "passed"),
        ("comes later", "passing.test.js", "skipped"),
    ]
    assert run.fault is None


def test_a_recorded_failure_of_node_has_its_message(tmp_path: Path) -> None:
    run = recorded_of_node(tmp_path, "failing", 1)
    assert [(case.name, case.status) for case in run.cases] == [("good", "passed"), ("wrong", "failed")]
    assert "3 !== 4" in str(run.cases[1].message)
    assert run.fault is None


@pytest.mark.parametrize(("suite", "status", "word"), [("erroring", 1, "failed"), ("ending", 0, "error")])
def test_a_recorded_file_that_ran_no_test_of_its_own_is_no_pass(
    tmp_path: Path, suite: str, status: int, word: str
) -> None:
    """It cannot be loaded, or ends its process with 0."""
    run = recorded_of_node(tmp_path, suite, status)
    assert [(case.name, case.status) for case in run.cases] == [(f"{suite}.test.js", word)]


@pytest.mark.parametrize("who", ["vitest", "jest"])
def test_recorded_reports_of_vitest_and_jest_are_read(who: str) -> None:
    def recorded(suite: str, status: int) -> TestRun:
        return read_json_report(DATA / who / f"{suite}.json", status, who, Path("shop"))

    passing, failing, erroring = recorded("passing", 0), recorded("failing", 1), recorded("erroring", 1)
    assert [(case.name, case.file, case.status) for case in passing.cases] == [
        ("adds", "passing.test.js", "passed"),
        ("a suite is nested", "passing.test.js", "passed"),
        ("a suite comes later", "passing.test.js", "skipped"),
        ("a suite is to be written", "passing.test.js", "skipped"),
    ]
    assert [(case.name, case.status) for case in failing.cases] == [("good", "passed"), ("wrong", "failed")]
    assert "to be" in str(failing.cases[1].message).replace("toBe", "to be")
    assert [(case.name, case.status) for case in erroring.cases] == [("erroring.test.js", "error")]
    assert "nothing-of-that-name" in str(erroring.cases[0].message)
    assert [passing.fault, failing.fault, erroring.fault] == [None, None, None]
    assert recorded("passing", 1).fault == f"{who} ended with status 1"


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


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("const { test: check } = require('node:test'); check('x', () => {})", "error"),
        ("const run = require('node:test')\nrun('x', () => {})", "error"),
        ("import { it as check } from 'node:test'\ncheck('x', () => {})", "error"),
        ('import check, { mock } from "node:test"\ncheck("x", () => {})', "error"),
        ("import { mock } from 'node:test'\nexport const fake = mock.fn", "passed"),
        ("const { mock } = require('node:test'); module.exports = mock", "passed"),
    ],
)
def test_tests_by_another_name_are_tests(tmp_path: Path, source: str, status: str) -> None:
    """A file that only helps others has none."""
    (tmp_path / "a.test.js").write_text(source)
    run = read_lines(line(name="a.test.js") + END, 0, tmp_path)
    assert [case.status for case in run.cases] == [status]


def test_json_whose_counts_do_not_fit_is_no_pass(tmp_path: Path) -> None:
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
    """Elsewhere it is said what to install."""
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


FORGED = """
const v8 = require('node:v8');
const { writeSync } = require('node:fs');
const { test } = require('node:test');

function say(type, data) {
  const serializer = new v8.DefaultSerializer();
  serializer.writeHeader();
  serializer.writeValue({ type, data: { nesting: 0, file: __filename, line: 1, column: 1, ...data } });
  const body = serializer.releaseBuffer();
  const head = Buffer.from([0xff, 0x0f, 0, 0, 0, 0]);
  head.writeUInt32BE(body.length, 2);
  writeSync(1, Buffer.concat([head, body]));
}

test('ends', () => {
  ['ends', 'bad'].forEach((name, at) => {
    say('test:start', { name });
    say('test:pass', { name, testNumber: at + 1, details: { duration_ms: 1 } });
  });
  END;
});
test('bad', () => { throw new Error('bad'); });
"""

LATER = """
const { test } = require('node:test');
test('good', () => {});
test('ends', async () => { await new Promise((done) => setTimeout(done, 50)); END; });
test('bad', () => { throw new Error('bad'); });
"""

KEPT = """
const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const { Worker } = require('node:worker_threads');
const { test } = require('node:test');

test('starts programs', () => {
  execFileSync(process.execPath, ['-e', 'process.exit(0)']);
  assert.equal(process.env.CONDUCTOR_TESTS, undefined);
});
test('starts workers', () => new Promise((done) => new Worker('process.exit(0)', { eval: true }).on('exit', done)));
"""


def test_a_file_that_ends_its_own_process_is_no_pass(make_session: MakeSession, session: Session) -> None:
    """Neither in their midst, nor with a forged report, nor where it hides that it has tests; a script may."""
    if shutil.which("node") is None:
        assert "install Node.js" in str(NodeRunner().lacks(session))
        return
    hidden = "process.moduleLoadList.length = 0; process.exit(0)"
    files = {
        "forged.test.js": FORGED.replace("END", "process.exit(0)"),
        "really.test.js": FORGED.replace("END", "process.reallyExit()"),
        "hidden.test.js": FORGED.replace("END", hidden),
        "later.test.js": LATER.replace("END", "process.exit()"),
        "kept.test.js": KEPT,
        "script.test.js": "require('node:assert')(true);\nprocess.exit(0);\n",
    }
    for name, text in files.items():
        Path(name).write_text(text)
    ours = make_session({"sandbox": {"minimum": "none"}}, runner_node=codeconductor_runner_node)
    report = asyncio.run(verify(ours, Path()))
    failed = {case.file for case in report.cases if case.status not in {"passed", "skipped"}}
    assert failed == {"forged.test.js", "really.test.js", "hidden.test.js", "later.test.js"}, report.output_tail
    assert "process.exit(0) was called before all tests of this file were done" in report.output_tail
    told = {case.name for case in report.cases if case.status == "passed"}
    assert told >= {"starts programs", "starts workers", "script.test.js", "good"}
