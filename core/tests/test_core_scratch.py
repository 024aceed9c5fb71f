"""Folders of ours that a kill leaves behind: swept when their owner is dead, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import pytest
from codeconductor.sandbox import scratch
from codeconductor.sandbox.scratch import LOCK, abandoned, fresh_folder, hold, release, remove_folder, sweep

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")

STRANGER = 65533

OWNER = """
import sys
from codeconductor.sandbox.scratch import fresh_folder
folder = fresh_folder()
(folder / "deep").mkdir()
(folder / "deep" / "file").write_text("here")
(folder / "deep").chmod(0)
print(folder, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder of this test's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


class Owner:
    """Another process that has a folder."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        said: IO[str] | None = self._process.stdout
        assert said is not None
        self.folder = Path(said.readline().strip())

    def kill(self) -> Path:
        """End it as nothing can prepare for; gives its folder."""
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()
        return self.folder


def test_a_folder_is_removed_by_its_owner(top: Path) -> None:
    """With its lock: nothing is left in the temporary folder."""
    folder = fresh_folder()
    (folder / "file").write_text("here")
    remove_folder(folder)
    remove_folder(folder)  # twice does no harm
    assert list(top.iterdir()) == []


def test_what_the_dead_left_is_swept_before_the_first_folder_is_made(top: Path) -> None:
    """Whatever its modes; a folder whose owner lives stays, and so does one that is ours."""
    dead, living, mine = Owner(), Owner(), fresh_folder()
    dead.kill()
    scratch._swept.clear()
    fresh = fresh_folder()
    assert not dead.folder.parent.exists()
    assert living.folder.is_dir()
    assert mine.is_dir()
    living.kill()
    sweep(top)
    assert sorted(top.iterdir()) == sorted([mine.parent, fresh.parent])


def test_nothing_is_removed_for_its_name_alone(top: Path) -> None:
    """A folder that only looks like one of ours has no lock that could be free."""
    alike = top / "conductor-sandbox-abcdefgh"
    (alike / "here").mkdir(parents=True)
    other = top / "conductor-notes"
    other.mkdir()
    (other / LOCK).touch()
    sweep(top)
    assert (alike / "here").is_dir()
    assert other.is_dir()


def test_links_lead_nowhere(top: Path) -> None:
    """Neither as the folder, nor as its lock, nor as what is in it."""
    outside = top / "outside"
    (outside / "here").mkdir(parents=True)
    (outside / LOCK).touch()
    (outside / "here" / "kept").touch()
    (top / "conductor-sandbox-aaaaaaaa").symlink_to(outside)
    lock = top / "conductor-sandbox-bbbbbbbb"
    (lock / "here").mkdir(parents=True)
    (lock / LOCK).symlink_to(outside / LOCK)
    inner = top / "conductor-sandbox-cccccccc"
    inner.mkdir()
    (inner / LOCK).touch()
    (inner / "here").symlink_to(outside / "here")
    sweep(top)
    assert (outside / "here" / "kept").exists()
    assert lock.is_dir()
    assert not inner.exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can make files of others")
def test_what_another_user_laid_out_is_left_alone(top: Path) -> None:
    """The folder must be ours, and the lock too."""
    for name, theirs in (("aaaaaaaa", ""), ("bbbbbbbb", LOCK)):
        planted = top / f"conductor-sandbox-{name}"
        (planted / "here").mkdir(parents=True)
        (planted / LOCK).touch()
        os.chown(planted / theirs, STRANGER, STRANGER)
    sweep(top)
    assert len(list(top.iterdir())) == 2


def test_a_folder_has_one_owner_at_a_time(top: Path) -> None:
    """Who comes second is told; once it is released it is free, and has no lock any more."""
    ours, theirs = os.pipe()
    assert hold(top)
    child = os.fork()
    if child == 0:
        try:
            with abandoned(top) as is_so:
                os.write(theirs, b"y" if hold(top) or is_so else b"n")
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(ours, 1) == b"n"
    release(top)
    assert list(top.iterdir()) == []
    assert hold(top)
    release(top)
    os.close(ours)
    os.close(theirs)
