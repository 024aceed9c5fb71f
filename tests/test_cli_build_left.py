"""What builds leave behind that were interrupted or killed: it is shown, goes on, or is removed."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.test_cli_build import RIGHT, TASK, WRONG, build, project, use_coder, writes
from tests.test_cli_build_loop import build_again

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.conftest import CommandLine

__all__ = ["project"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def waits(conductor: CommandLine) -> str:
    """A coder's program that says that it is there, through a pipe that `started` reads, and does not end."""
    pipe = conductor.home / "there"
    if not pipe.exists():
        os.mkfifo(pipe)
    return f"open({str(pipe)!r}, 'w').close()\nimport time\ntime.sleep(600)\n"


def started(conductor: CommandLine) -> subprocess.Popen[str]:
    """A build whose coder writes right now."""
    process = conductor.start("build", "--coder", "scribe", "--yes", TASK)
    (conductor.home / "there").read_bytes()
    return process


def killed(conductor: CommandLine) -> Path:
    """End such a build as nothing can prepare for; gives its folder."""
    process = started(conductor)
    process.kill()
    process.wait(60)
    (root,) = (path for path in (conductor.data / "builds").iterdir() if (path / "state.json").exists())
    return root


def test_a_build_goes_on_in_one_conductor_at_a_time(conductor: CommandLine, project: Path) -> None:
    """While it runs it can be neither resumed nor discarded; killed, it can be resumed at once."""
    use_coder(conductor, waits(conductor), writes(calc__py=RIGHT))
    process = started(conductor)
    for option in ("--resume", "--discard"):
        assert "is still going on" in conductor.refused(2, "build", option, "last")
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert build_again(conductor, "last")["outcome"] == "passed"


def test_an_interrupted_build_is_shown_and_can_be_discarded(conductor: CommandLine, project: Path) -> None:
    """`doctor` names it with its size; once discarded it has its diffs and prompts alone, and cannot be resumed."""
    use_coder(conductor, waits(conductor))
    root = killed(conductor)
    told = conductor("doctor").stdout
    assert f"{root.name[:12]} (" in told
    assert "conductor build --discard RUN" in told
    assert "takes no --yes" in conductor.refused(2, "build", "--discard", "last", "--yes")
    done = conductor("build", "--discard", root.name[:20])
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert root.name in done.stderr
    assert [path.name for path in root.iterdir()] == ["rounds"]
    assert "conductor build --discard" not in conductor("doctor").stdout
    conductor.refused(2, "build", "--resume", root.name)
    conductor.refused(2, "build", "--discard", root.name)


def test_the_next_build_sweeps_what_cannot_be_resumed(conductor: CommandLine, project: Path) -> None:
    """Copies of a build that was killed as it ended, and temporary folders; one that can be resumed stays."""
    temporary = conductor.home / "temporary"
    temporary.mkdir()
    conductor.environment["TMPDIR"] = str(temporary)
    use_coder(conductor, waits(conductor), waits(conductor), writes(calc__py=RIGHT))
    halfway = killed(conductor)
    (halfway / "state.json").unlink()
    assert (halfway / "start").is_dir()
    assert list(temporary.glob("conductor-prompt-*/here/prompt.md"))
    resumable = killed(conductor)
    bare = conductor.data / "builds" / "bare"
    (bare / "start").mkdir(parents=True)
    (bare / "lock").touch()
    build(conductor)
    assert [path.name for path in halfway.iterdir()] == ["rounds"]
    assert not bare.exists()
    assert list(temporary.iterdir()) == []
    assert (resumable / "start" / "calc.py").exists()


KILLS = """
import os, signal, sys


def kill(event, arguments):
    if event == "os.rename" and str(arguments[1]) == os.environ["KILL_BEFORE"]:
        os.kill(os.getpid(), signal.SIGKILL)


if "KILL_BEFORE" in os.environ:
    sys.addaudithook(kill)
"""
"""Ends a conductor just before it puts a file in its place."""


def killed_as_it_applied(conductor: CommandLine, project: Path) -> Path:
    """Have a build of two files killed when one is in its place; gives what it left among the project's files."""
    conductor.environment["PYTHONPATH"] = str(conductor.write("../kills/sitecustomize.py", KILLS).parent)
    conductor.environment["KILL_BEFORE"] = str(project / "more.py")
    use_coder(conductor, writes(calc__py=RIGHT, more__py="MORE = 1\n"), "")
    done = conductor("build", "--coder", "scribe", "--yes", TASK)
    assert done.returncode == -signal.SIGKILL, done.stderr
    del conductor.environment["KILL_BEFORE"]
    assert (project / "calc.py").read_text() == RIGHT
    assert not (project / "more.py").exists()
    (stage,) = project.glob(".conductor-*")
    return stage


def test_a_build_that_was_killed_as_it_applied_takes_that_back_and_goes_on(
    conductor: CommandLine, project: Path
) -> None:
    """`doctor` names what is left and `verify` leaves it out; resumed, one line says so, and then all is applied."""
    stage = killed_as_it_applied(conductor, project)
    assert str(stage) in conductor("doctor").stdout
    assert stage.name in conductor("verify").stderr
    assert stage.exists()
    conductor.environment["OLLAMA_HOST"] = "http://127.0.0.1:9"
    done = conductor("build", "--resume", "last")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("half done when conductor was killed: it is taken back") == 1
    assert (project / "calc.py").read_text() == RIGHT
    assert (project / "more.py").read_text() == "MORE = 1\n"
    assert not stage.exists()
    assert str(stage) not in conductor("doctor").stdout


@pytest.mark.parametrize("way", ["discard", "next build"])
def test_what_was_half_done_is_taken_back_by_whoever_comes_next(
    conductor: CommandLine, project: Path, way: str
) -> None:
    """The folder is as it was before that build, and a new one begins with that."""
    stage = killed_as_it_applied(conductor, project)
    if way == "discard":
        done = conductor("build", "--discard", "last")
    else:
        done = conductor("build", "--coder", "scribe", "--yes", TASK)
    assert done.returncode == (0 if way == "discard" else 4), done.stderr
    assert "half done when conductor was killed: it is taken back" in done.stderr
    assert (project / "calc.py").read_text() == WRONG
    assert not stage.exists()


def test_what_a_person_wrote_over_what_was_half_done_stays(conductor: CommandLine, project: Path) -> None:
    """Nothing is taken back over it; the message names the folder with the old files, which stays."""
    stage = killed_as_it_applied(conductor, project)
    (project / "calc.py").write_text("mine = 1\n")
    for option in ("--resume", "--discard"):
        assert stage.name in conductor.refused(2, "build", option, "last")
    assert (project / "calc.py").read_text() == "mine = 1\n"
    assert WRONG in [path.read_text() for path in stage.glob("old-*")]
