"""A conductor that is killed while it applies a draft: at every step, and again while that is taken back."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest
from codeconductor.errors import ConflictError
from codeconductor.handover import apply, copy_folder, make_draft, recover
from codeconductor.handover.staging import stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor.handover import Draft

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")

STEPS = {"open", "os.chmod", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink"}
"""Names under which Python tells what it is about to ask the system for."""


def tree(folder: Path) -> dict[str, tuple[str, int, str]]:
    """Everything in a folder: what it is, its mode, and its content or where it leads."""
    found = {}
    for path in folder.rglob("*"):
        kind = "link" if path.is_symlink() else "folder" if path.is_dir() else "file"
        content = str(path.readlink()) if kind == "link" else path.read_text() if kind == "file" else ""
        found[path.relative_to(folder).as_posix()] = (kind, 0 if kind == "link" else path.stat().st_mode, content)
    return found


def projects(root: Path) -> tuple[Path, Path]:
    """A folder and a copy with changes of every kind."""
    start, work = root / "start", root / "work"
    for name in ("changed", "run.sh", "gone", "deep/er/gone", "was-folder/x", "was-file", "shut/changed"):
        (start / name).parent.mkdir(parents=True, exist_ok=True)
        (start / name).write_text(f"old {name}\n")
    (start / "run.sh").chmod(0o755)
    (start / "was-folder").chmod(0o750)
    (start / "link").symlink_to("changed")
    (start / "empty").mkdir()
    shutil.copytree(start, work, symlinks=True)
    for name in ("changed", "run.sh", "shut/changed"):
        (work / name).write_text(f"new {name}\n")
    for name in ("gone", "deep/er/gone", "was-file", "link"):
        (work / name).unlink()
    shutil.rmtree(work / "was-folder")
    (work / "empty").rmdir()
    for name in ("was-folder", "was-file/y", "made/in/here", "empty"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(f"new {name}\n")
    (work / "link").symlink_to("run.sh")
    return start, work


def killed_at(step: int, work: Callable[[], object], folder: Path, refuse: str | None = None) -> bool:
    """Do something in a child that is killed before its so-manieth step in a folder; False: it had fewer steps.

    Args:
        step: 1, 2 …
        work: What it does.
        folder: Where steps count.
        refuse: A step that the file system does not know.
    """
    child = os.fork()
    if child == 0:
        taken = 0

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal taken
            if event not in STEPS or not str(arguments[0]).startswith(f"{folder}/"):
                return
            if event == refuse:
                raise OSError(95, "not supported")
            taken += 1
            if taken == step:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            sys.addaudithook(count)
            work()
        finally:
            os._exit(0 if sys.exc_info()[0] is None else 1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


def fresh(root: Path) -> tuple[Path, Draft, dict[str, tuple[str, int, str]]]:
    """A new folder, a draft for it, and what is in it."""
    root.mkdir()
    start, work = projects(root)
    return start, make_draft(start, work), tree(start)


@pytest.mark.parametrize(("refuse", "stride"), [(None, 1), ("os.link", 3)])
def test_a_kill_at_any_step_leaves_all_or_nothing(tmp_path: Path, refuse: str | None, stride: int) -> None:
    """Whoever applies there next, or only looks, finds what the dead left, and has all as before or all as after."""
    start, draft, before = fresh(tmp_path / "0")
    apply(draft, start)
    after = tree(start)
    step, outcomes = 0, []
    is_killed = True
    while is_killed:
        step += stride
        start, draft, _ = fresh(tmp_path / str(step))
        is_killed = killed_at(step, partial(apply, draft, start), start, refuse)
        notes = recover(start)
        found = tree(start)
        assert found in (before, after), f"step {step}: {found}"
        assert not stages(start)
        assert len(notes) <= 1
        outcomes.append((found == after, notes))
        apply(draft, start)
        assert tree(start) == after
    assert step > 40
    assert any("half done when conductor was killed: it is taken back" in " ".join(notes) for _, notes in outcomes)
    assert any(is_after and "complete when conductor was killed" in " ".join(notes) for is_after, notes in outcomes)
    first_after = [is_after for is_after, _ in outcomes].index(True)
    assert all(is_after for is_after, _ in outcomes[first_after:])


@pytest.mark.parametrize(
    ("error", "stride"),
    [(KeyboardInterrupt(), 2), (OSError(28, "No space left on device"), 3)],
    ids=["Ctrl-C", "full"],
)
def test_what_fails_at_any_step_leaves_all_or_nothing_at_once(
    tmp_path: Path, error: BaseException, stride: int
) -> None:
    """Nobody need come next: it is taken back before the error is told."""
    start, draft, before = fresh(tmp_path / "0")
    apply(draft, start)
    after, step, has_failed, refused = tree(start), 0, True, 0
    while has_failed:
        step += stride
        start, draft, _ = fresh(tmp_path / str(step))
        told, failing = os.pipe()

        def attempt(start: Path = start, draft: Draft = draft, failing: int = failing, step: int = step) -> None:
            taken = 0

            def fail(event: str, arguments: tuple[object, ...]) -> None:
                nonlocal taken
                counts = STEPS - {"os.rmdir"}  # an empty folder may stay, as git knows of none
                taken += event in counts and str(arguments[0]).startswith(f"{start}/")
                if taken == step:
                    taken += 1
                    os.write(failing, b"!")
                    raise error

            sys.addaudithook(fail)
            try:
                apply(draft, start)
            except (ConflictError, KeyboardInterrupt):
                os.write(failing, b"!")

        assert not killed_at(0, attempt, start)
        os.close(failing)
        with os.fdopen(told, "rb") as stream:
            marks = stream.read()
        has_failed = bool(marks)
        found = {path: entry for path, entry in tree(start).items() if not path.startswith(".conductor-")}
        assert found in (before, after), f"step {step}: {found}"
        if len(marks) == 2 and found == before:
            refused += 1
        recover(start)
        assert not stages(start)
        assert tree(start) == found
    assert refused > 20 // stride


def test_a_kill_while_it_is_taken_back_is_no_harm(tmp_path: Path) -> None:
    """Nor a second and a third: each goes on where the one before ended."""
    start, draft, before = fresh(tmp_path / "0")
    steps = 0
    while killed_at(steps + 1, partial(apply, draft, start), start):
        steps += 1
        start, draft, _ = fresh(tmp_path / f"count-{steps}")
    for step in range(1, steps + 1, 5):
        start, draft, _ = fresh(tmp_path / f"{step}")
        assert killed_at(step, partial(apply, draft, start), start)
        again = 0
        while killed_at(again + 1, partial(recover, start), start):
            again += 1
        recover(start)
        assert not stages(start)
        if tree(start) != before:
            apply(draft, start)
            assert step > steps // 2


def half_done(root: Path) -> tuple[Path, Draft, dict[str, tuple[str, int, str]]]:
    """A folder in which some new files are in their places and others not."""
    step, partly = 1, False
    while not partly:
        start, draft, before = fresh(root / f"half-{step}")
        assert killed_at(step, partial(apply, draft, start), start)
        text = (start / "changed").read_text()
        partly = text.startswith("new") and (start / "was-file").exists() and not (start / "was-file").is_file()
        step += 1
    return start, draft, before


def test_what_a_person_changed_since_then_is_kept(tmp_path: Path) -> None:
    """Nothing is taken back over it; the old files are where the message says, and a later start says it again."""
    start, draft, _ = half_done(tmp_path)
    (start / "changed").write_text("mine\n")
    found = {path: entry for path, entry in tree(start).items() if path != "changed"}
    attempts: tuple[Callable[[], object], ...] = (lambda: recover(start), lambda: apply(draft, start))
    for attempt in attempts:
        with pytest.raises(ConflictError, match=r"'changed' changed since then: its old files are in \.conductor-"):
            attempt()
        assert (start / "changed").read_text() == "mine\n"
        assert {path: entry for path, entry in tree(start).items() if path != "changed"} == found
    (stage,) = stages(start)
    assert any(path.read_text() == "old changed\n" for path in stage.glob("old-*") if path.is_file())


def test_a_conductor_that_goes_on_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lock is on the folder, and ends with it: who finds that held waits, and says so in the end."""
    monkeypatch.setattr("codeconductor.handover.applying._PATIENCE", 0.0)
    import fcntl

    start, draft, _ = half_done(tmp_path)
    found = tree(start)
    held = os.open(start, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    attempts: tuple[Callable[[], object], ...] = (lambda: recover(start), lambda: apply(draft, start))
    for attempt in attempts:
        with pytest.raises(ConflictError, match="locked by another program"):
            attempt()
    assert tree(start) == found
    os.close(held)
    assert recover(start)


def test_it_is_no_part_of_the_project(tmp_path: Path) -> None:
    """Neither of a copy, nor of a draft, nor of what git shows or adds."""
    start, _, _ = half_done(tmp_path)
    (stage,) = stages(start)
    git = ["git", "-C", str(start), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A"], check=True)
    listed = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True, text=True).stdout
    assert "conductor" not in listed
    assert "changed" in listed
    copied = copy_folder(start, tmp_path / "copy", most=2**20)
    assert not list(copied.folder.rglob(".conductor-*"))
    assert any(stage.name in warning for warning in copied.warnings)
    shutil.copytree(stage, copied.folder / stage.name, symlinks=True)
    draft = make_draft(copied.folder, copied.folder)
    assert not draft.changes
    assert "it is conductor's own" in make_draft(tmp_path, copied.folder).warnings[0]


@pytest.mark.parametrize("path", ["../outside", "/outside", ".git/hooks/pre-commit", "sub/.GIT/config", ""])
def test_a_journal_that_somebody_else_laid_down_moves_nothing(tmp_path: Path, path: str) -> None:
    """A cloned repository may have anything in it."""
    start = tmp_path / "start"
    stage = start / ".conductor-apply-abcd1234"
    stage.mkdir(parents=True)
    (start / ".git" / "hooks").mkdir(parents=True)
    (stage / "old-0").write_text("theirs")
    journal = f'{{"changes": [{{"path": "{path}", "before": true, "after": null}}], "folders": {{}}, "made": []}}'
    (stage / "journal.json").write_text(journal)
    before = tree(tmp_path)
    assert recover(start) == ()
    assert tree(tmp_path) == before


def test_a_folder_where_a_deleted_file_was_is_a_persons(tmp_path: Path) -> None:
    """All is taken back once that is gone, with the modes that folders had."""
    start, _, before = half_done(tmp_path)
    (start / "gone").mkdir()
    (start / "gone" / "of-a-person").write_text("mine")
    with pytest.raises(ConflictError, match="'gone' changed since then"):
        recover(start)
    shutil.rmtree(start / "gone")
    assert recover(start)
    assert tree(start) == before
    assert stat.S_IMODE((start / "was-folder").stat().st_mode) == 0o750


@pytest.mark.parametrize("name", [".conductor-settings", ".conductor-apply-settings"])
def test_a_folder_of_a_persons_that_is_named_alike_stays(tmp_path: Path, name: str) -> None:
    """It is told by what is in it before anything is removed."""
    start, draft, _ = fresh(tmp_path / "0")
    for file in ("a.toml", "old-1"):
        (start / name).mkdir(exist_ok=True)
        (start / name / file).write_text("mine")
    apply(draft, start)
    assert recover(start) == ()
    assert stages(start) == []
    assert sorted(path.name for path in (start / name).iterdir()) == ["a.toml", "old-1"]


def test_a_name_that_is_only_like_it_is_copied(tmp_path: Path) -> None:
    """Whoever keeps settings in such a folder finds them in the copy."""
    (tmp_path / "start" / ".conductor-settings").mkdir(parents=True)
    (tmp_path / "start" / ".conductor-settings" / "a.toml").write_text("mine")
    copied = copy_folder(tmp_path / "start", tmp_path / "copy", most=2**20)
    assert (copied.folder / ".conductor-settings" / "a.toml").exists()
    assert not copied.warnings
