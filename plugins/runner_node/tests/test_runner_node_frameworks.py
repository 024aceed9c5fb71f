"""vitest and jest as people install them, in the sandbox."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import codeconductor_runner_node
import pytest
from codeconductor import verify

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor import TestReport
    from codeconductor.testing import MakeSession

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("npm") is None, reason="there is no npm to install them with"),
]

VERSIONS = {"vitest": "^3", "jest": "^30"}
IMPORTS = {"vitest": "import { test, expect } from 'vitest'\n", "jest": ""}
WHO = pytest.mark.parametrize("who", VERSIONS)

FORGERY = """
test('forged', () => {
  const fs = process.getBuiltinModule('fs')
  const suite = { name: 'FILE', status: 'passed', message: '', assertionResults: [
    { title: 'forged', fullName: 'forged', ancestorTitles: [], status: 'passed', failureMessages: [], duration: 1 },
  ] }
  const report = { numTotalTests: 1, numPassedTests: 1, numFailedTests: 0, success: true, testResults: [suite] }
  fs.writeFileSync('../../scratch/report.json', JSON.stringify(report).replace('FILE', process.cwd() + '/a.test.js'))
  process.reallyExit(0)
})
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with both in its `node_modules`."""
    folder = tmp_path_factory.mktemp("npm")
    names = [f"{name}@{version}" for name, version in VERSIONS.items()]
    command = ["npm", "install", "--no-fund", "--no-audit", "--prefix", str(folder), *names]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return folder


def verified(who: str, folder: Path, make_session: MakeSession, **files: str) -> TestReport:
    """Verify the project with these files, as one that has one of the two."""
    (folder / "package.json").write_text(json.dumps({"devDependencies": {who: VERSIONS[who]}}))
    written = [folder / name.replace("__", ".") for name in files]
    for file, text in zip(written, files.values(), strict=True):
        file.write_text(text)
    try:
        return asyncio.run(verify(make_session(runner_node=codeconductor_runner_node), folder))
    finally:
        for file in written:
            file.unlink()


@WHO
def test_what_passes_and_what_fails_is_told(who: str, installed: Path, make_session: MakeSession) -> None:
    """With the message of the failure."""
    text = (
        IMPORTS[who]
        + "test('good', () => {})\ntest('bad', () => { expect(1).toBe(2) })\ntest.skip('later', () => {})\n"
    )
    report = verified(who, installed, make_session, a__test__js=text)
    assert report.fault is None, report.output_tail
    assert {case.name: case.status for case in report.cases} == {"good": "passed", "bad": "failed", "later": "skipped"}
    assert any("2" in (case.message or "") for case in report.cases)
    assert not report.is_green


@WHO
def test_a_report_of_the_tested_codes_own_is_no_pass(who: str, installed: Path, make_session: MakeSession) -> None:
    """It runs in a process of its own: what ends that does not end the one that reports."""
    more = {"vitest__config__mjs": "export default { test: { pool: 'threads' } }\n"} if who == "vitest" else {}
    report = verified(who, installed, make_session, a__test__js=IMPORTS[who] + FORGERY, **more)
    assert not report.is_green
