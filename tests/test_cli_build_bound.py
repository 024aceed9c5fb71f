"""What is tested and applied by `conductor build` is what was approved, whoever changes our copies meanwhile."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.test_cli_build import RIGHT, TASK, WRONG, build, project, use_coder, writes
from tests.test_cli_build_loop import build_again

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import CommandLine

__all__ = ["project"]

OTHER = "def add(a, b):\n    return a + b  # nobody has seen this\n"

RUNNER = """
import os, pathlib, signal
from codeconductor import TestCase, TestRun, hookimpl

BUILDS = pathlib.Path(os.environ["CONDUCTOR_HOME"]) / "builds"

class Meddling:
    name = "meddling"
    def fits(self, folder, session):
        return 1000
    async def run_tests(self, bench):
        {deed}
        return TestRun(cases=[TestCase(name="all", status="passed")])

@hookimpl
def conductor_test_runners():
    return [Meddling()]
"""


def test_nothing_is_applied_but_what_was_approved(
    conductor: CommandLine, project: Path, install: Callable[..., None]
) -> None:
    """What was tested is measured again: other content than that of the yes is a conflict; the patch is as approved."""
    deed = f"next(BUILDS.glob('*/trial/calc.py')).write_text({OTHER!r})"
    install(meddling=RUNNER.format(deed=deed))
    use_coder(conductor, writes(calc__py=RIGHT))
    document = build(conductor, code=8)
    assert (document["outcome"], document["applied"]) == ("conflict", False)
    assert (project / "calc.py").read_text() == WRONG
    assert "nobody has seen" not in Path(document["patch"]).read_text()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_resumed_build_asks_again_where_what_was_approved_is_gone(
    conductor: CommandLine, project: Path, install: Callable[..., None]
) -> None:
    """Killed while its tests run, then changed by somebody: resumed, the draft is asked about and laid out anew."""
    flag = conductor.home / "again"
    deed = f"pathlib.Path({str(flag)!r}).exists() or os.kill(os.getpid(), signal.SIGKILL)"
    install(meddling=RUNNER.format(deed=deed))
    use_coder(conductor, writes(calc__py=RIGHT))
    done = conductor("build", "--coder", "scribe", "--yes", TASK)
    assert done.returncode == -signal.SIGKILL
    (trial,) = (conductor.data / "builds").glob("*/trial/calc.py")
    assert trial.read_text() == RIGHT
    trial.write_text(OTHER)
    flag.touch()
    assert build_again(conductor, "last")["outcome"] == "passed"
    assert (project / "calc.py").read_text() == RIGHT
    assert len((conductor.data / "builds" / "approvals.jsonl").read_text().splitlines()) == 2


def test_what_cannot_stand_beside_what_stays_is_left_out(conductor: CommandLine, project: Path) -> None:
    """A coder may not remove what configures tests; what it wrote in that file's place goes nowhere, and is told."""
    (project / "conftest.py").write_text("", encoding="utf-8")
    made = "here = pathlib.Path('conftest.py'); here.unlink(); here.mkdir(); (here / 'x.txt').write_text('x')\n"
    use_coder(conductor, writes(calc__py=RIGHT) + made)
    document = build(conductor)
    assert (project / "conftest.py").is_file()
    assert any("'conftest.py/x.txt' is left out: 'conftest.py', which stays" in one for one in document["warnings"])
