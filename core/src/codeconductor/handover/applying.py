"""Applies a draft to a folder, all of it or nothing, and never where a link leads out of it."""

from __future__ import annotations

import os
import shutil
import stat
import time
from contextlib import contextmanager, suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from codeconductor.errors import ConflictError
from codeconductor.handover.drafting import leads_outside, leads_through_link, read_state, shown
from codeconductor.handover.staging import (
    PREFIX,
    clear,
    is_settled,
    make_stage,
    settle,
    stages,
    take_back,
    write_journal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from codeconductor.handover.values import Draft, FileChange

_PATIENCE = 10.0
"""Seconds that another conductor may take to apply its draft to the same folder."""

_NAMED = 3
"""Files that a message names at most."""


def conflicts(draft: Draft, folder: Path) -> tuple[str, ...]:
    """Files of the folder that are neither as they were at the start nor as they are to be."""
    filled = {above for change in draft.changes if change.after is not None for above in _above(change.path)}
    return tuple(change.path for change in draft.changes if not _is_expected(change, folder, filled))


def _above(path: str) -> list[str]:
    return [str(parent) for parent in PurePosixPath(path).parents]


def _is_expected(change: FileChange, folder: Path, filled: set[str]) -> bool:
    """Whether it is as at the start, or as it is to be: that may be a folder that the draft puts files into."""
    if leads_through_link(folder, change.path):
        return False
    there = read_state(folder, change.path)
    if there is not None:
        return there in (change.before, change.after)
    target = folder / change.path
    if os.path.lexists(target) and not (target.is_dir() and (change.before is None or change.path in filled)):
        return False
    return change.before is None or change.after is None


def _is_done(change: FileChange, folder: Path) -> bool:
    """Whether it is as it is to be; a file that only cannot be read is not gone."""
    target = folder / change.path
    if change.after is None:
        return not os.path.lexists(target) or (target.is_dir() and not target.is_symlink())
    return read_state(folder, change.path) == change.after


def apply(draft: Draft, folder: Path) -> tuple[str, ...]:
    """Make the folder's files what the draft says; on any failure all are as before.

    Where we are killed in the midst, the next `apply` or `recover` has all as before.

    Returns:
        As `recover`, which comes first.

    Raises:
        ConflictError: A file has changed meanwhile, or cannot be written; nothing is applied.
    """
    with _alone(folder) as is_alone:
        notes = _recovered(folder) if is_alone else ()
        changed = conflicts(draft, folder)
        if changed:
            named = ", ".join(map(shown, changed[:_NAMED])) + (" …" if len(changed) > _NAMED else "")
            raise ConflictError(
                f"{named} changed in {folder} meanwhile: nothing is applied",
                paths=changed,
                hint="look at the saved diff, and apply it with `git apply`",
            )
        todo = [change for change in draft.changes if not _is_done(change, folder)]
        try:
            if todo:
                _exchange(folder, todo)
        except OSError as exc:
            is_ours = str(exc.filename).startswith(str(folder / PREFIX))
            where = f" {shown(str(exc.filename))}" if exc.filename and not is_ours else ""
            raise ConflictError(
                f"cannot write{where} in {folder}: {exc.strerror or exc}: nothing is applied",
                hint="make the folder writable, or apply the saved diff with `git apply`",
            ) from exc
    return notes


def recover(folder: Path) -> tuple[str, ...]:
    """Take back what a conductor was changing in a folder when it was killed.

    Returns:
        A line for a person about each change that was taken back, or that was complete but for tidying up.

    Raises:
        ConflictError: A file has changed since then: nothing is taken back, and its old files are named.
    """
    if not stages(folder):
        return ()
    with _alone(folder) as is_alone:
        return _recovered(folder) if is_alone else ()


def _recovered(folder: Path) -> tuple[str, ...]:
    """What `recover` does, for who is alone in the folder: then whatever is there was left by the dead."""
    notes = []
    for stage in stages(folder):
        if is_settled(stage):
            notes.append(f"a change to {folder} was complete when conductor was killed: what it left is removed")
        elif take_back(folder, stage):
            notes.append(f"a change to {folder} was half done when conductor was killed: it is taken back")
        clear(stage)
    return tuple(notes)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Be the only conductor that changes a folder: whether that is sure.

    The lock is the kernel's, on the folder itself: it ends with its process, however that ends. Where the system or the
    file system has no such locks, nobody is sure, and nothing is taken back.

    Raises:
        ConflictError: Another has it, and keeps it.
    """
    lock = None
    try:
        lock = _locked(folder)
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _locked(folder: Path) -> int | None:
    try:
        import fcntl

        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except (ImportError, OSError):
        return None
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() < end:
                time.sleep(0.05)
                continue
            os.close(lock)
            raise ConflictError(
                f"{folder} is locked by another program: nothing is applied",
                hint="wait until that has ended; the saved diff can also be applied with `git apply`",
            ) from exc
        except OSError:
            os.close(lock)
            return None
        return lock


def _exchange(folder: Path, changes: list[FileChange]) -> None:
    """New files come from a folder beside them, old ones go there; all, or none."""
    stage = make_stage(folder)
    try:
        ready = {}
        for number, change in enumerate(changes):
            if change.after is not None:
                with _naming(change.path):
                    ready[change.path] = _staged(folder, stage / f"new-{number}", change)
        write_journal(folder, stage, changes)
        try:
            for number, change in enumerate(changes):
                if change.before is not None:
                    with _naming(change.path):
                        _take_away(folder, stage / f"old-{number}", change)
            for change in changes:
                if change.path in ready:
                    with _naming(change.path):
                        _put(ready[change.path], folder / change.path)
            settle(stage)
        except BaseException:
            take_back(folder, stage)
            raise
    finally:
        clear(stage)


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Have an error name the project's file, and not one of ours that is on its way there."""
    try:
        yield
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror or str(exc), path) from exc


def _staged(folder: Path, path: Path, change: FileChange) -> Path:
    """The new file, whole and on disk, with the permissions that it will have."""
    assert change.after is not None
    target = folder / change.path
    if change.after.mode == "120000":
        where = os.fsdecode(change.after.content)
        if leads_outside(folder, change.path, where):
            raise OSError(None, "the link leads out of the folder", change.path)
        path.symlink_to(where)
        return path
    with path.open("wb") as file:
        file.write(change.after.content)
        file.flush()
        os.fsync(file.fileno())
    before = target.lstat() if change.before is not None and os.path.lexists(target) else None
    mode = stat.S_IMODE(before.st_mode if before and stat.S_ISREG(before.st_mode) else path.stat().st_mode)
    if change.after.mode == "100755":
        mode |= (mode & 0o444) >> 2
    elif change.before is None or change.before.mode != "100644":
        mode &= ~0o111
    path.chmod(mode)
    if before is not None:
        with suppress(OSError, AttributeError):  # not root, or Windows
            os.chown(path, before.st_uid, before.st_gid)
    return path


def _take_away(folder: Path, kept: Path, change: FileChange) -> None:
    """Keep the old file; one that is replaced stays in its place until then, so that it is never missing."""
    target = folder / change.path
    is_replaced = change.after is not None and change.after.mode != "120000" and not target.is_symlink()
    if not os.path.lexists(target):
        return
    if not is_replaced:
        target.replace(kept)
        _remove_empty(folder, target.parent)
        return
    try:
        kept.hardlink_to(target)
    except OSError:  # a file system without them; under its name it is whole
        partial = kept.with_suffix(".part")
        shutil.copy2(target, partial, follow_symlinks=False)
        partial.replace(kept)


def _put(ready: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_dir() and not target.is_symlink():
        target.rmdir()  # its files are gone, else this fails, and all is taken back
    ready.replace(target)


def _remove_empty(folder: Path, parent: Path) -> None:
    """Folders without files, as git has none; the user's own stays."""
    while parent != folder:
        try:
            parent.rmdir()
        except OSError:
            return
        parent = parent.parent
