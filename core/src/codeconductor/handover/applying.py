"""Applies a draft to a folder, all of it or nothing, and never where a link leads out of it."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from codeconductor.errors import ConflictError
from codeconductor.handover.drafting import leads_outside, leads_through_link, read_state, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from codeconductor.handover.values import Draft, FileChange

_STAGE = ".conductor-"
"""Beginning of the name of the folder, beside the files, that holds new and old ones while they change places."""

_NAMED = 3
"""Files that a message names at most."""


def conflicts(draft: Draft, folder: Path) -> tuple[str, ...]:
    """Files of the folder that are neither as they were at the start nor as they are to be."""
    return tuple(change.path for change in draft.changes if not _is_expected(change, folder))


def _is_expected(change: FileChange, folder: Path) -> bool:
    if leads_through_link(folder, change.path):
        return False
    there = read_state(folder, change.path)
    if there is not None:
        return there in (change.before, change.after)
    target = folder / change.path
    if os.path.lexists(target) and not (target.is_dir() and change.before is None):
        return False
    return change.before is None or change.after is None


def apply(draft: Draft, folder: Path) -> None:
    """Make the folder's files what the draft says; on any failure all are as before.

    Raises:
        ConflictError: A file has changed meanwhile, or cannot be written; nothing is applied.
    """
    changed = conflicts(draft, folder)
    if changed:
        named = ", ".join(map(shown, changed[:_NAMED])) + (" …" if len(changed) > _NAMED else "")
        raise ConflictError(
            f"{named} changed in {folder} meanwhile: nothing is applied",
            paths=changed,
            hint="look at the saved diff, and apply it with `git apply`",
        )
    todo = [change for change in draft.changes if read_state(folder, change.path) != change.after]
    if not todo:
        return
    try:
        with tempfile.TemporaryDirectory(prefix=_STAGE, dir=folder, ignore_cleanup_errors=True) as stage:
            _Exchange(folder, Path(stage)).make(todo)
    except OSError as exc:
        is_ours = str(exc.filename).startswith(str(folder / _STAGE))
        where = f" {shown(str(exc.filename))}" if exc.filename and not is_ours else ""
        raise ConflictError(
            f"cannot write{where} in {folder}: {exc.strerror or exc}: nothing is applied",
            hint="make the folder writable, or apply the saved diff with `git apply`",
        ) from exc


@contextmanager
def _naming(path: str) -> Iterator[None]:
    """Have an error name the project's file, and not one of ours that is on its way there."""
    try:
        yield
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror or str(exc), path) from exc


@attrs.define
class _Exchange:
    """New files come from a folder beside them, old ones go there; `_undo` has each step back."""

    folder: Path
    stage: Path
    _undo: list[tuple[str, Path, Path]] = attrs.field(factory=list)

    def make(self, changes: list[FileChange]) -> None:
        """Take every step, or none."""
        ready = {}
        for number, change in enumerate(changes):
            if change.after is not None:
                with _naming(change.path):
                    ready[change.path] = self._staged(number, change)
        try:
            for number, change in enumerate(changes):
                if change.before is not None:
                    with _naming(change.path):
                        self._take_away(number, change)
            for change in changes:
                if change.path in ready:
                    with _naming(change.path):
                        self._put(ready[change.path], self.folder / change.path)
        except BaseException:
            self._take_back()
            raise

    def _staged(self, number: int, change: FileChange) -> Path:
        """The new file, whole and on disk, with the permissions that it will have."""
        assert change.after is not None
        path, target = self.stage / f"new-{number}", self.folder / change.path
        if change.after.mode == "120000":
            where = os.fsdecode(change.after.content)
            if leads_outside(self.folder, change.path, where):
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

    def _take_away(self, number: int, change: FileChange) -> None:
        """Keep the old file; one that is replaced stays in its place until then, so that it is never missing."""
        target, kept = self.folder / change.path, self.stage / f"old-{number}"
        is_replaced = change.after is not None and change.after.mode != "120000" and not target.is_symlink()
        if not os.path.lexists(target):
            return
        if not is_replaced:
            target.replace(kept)
            self._undo.append(("back", kept, target))
            self._remove_empty(target.parent)
            return
        try:
            kept.hardlink_to(target)
        except OSError:  # a file system without them
            shutil.copy2(target, kept, follow_symlinks=False)
        self._undo.append(("back", kept, target))

    def _put(self, ready: Path, target: Path) -> None:
        missing = []
        parent = target.parent
        while not os.path.lexists(parent):
            missing.append(parent)
            parent = parent.parent
        for folder in reversed(missing):
            folder.mkdir()
            self._undo.append(("rmdir", folder, folder))
        is_new = not os.path.lexists(target)
        if not is_new and target.is_dir() and not target.is_symlink():
            target.rmdir()  # its files are gone, else this fails, and all is taken back
            self._undo.append(("mkdir", target, target))
        ready.replace(target)
        if is_new:
            self._undo.append(("remove", target, target))

    def _remove_empty(self, parent: Path) -> None:
        """Folders without files, as git has none; the user's own stays."""
        while parent != self.folder:
            try:
                parent.rmdir()
            except OSError:
                return
            self._undo.append(("mkdir", parent, parent))
            parent = parent.parent

    def _take_back(self) -> None:
        for step, source, target in reversed(self._undo):
            with suppress(OSError):  # the others are still to be taken back
                if step == "back":
                    source.replace(target)
                elif step == "remove":
                    target.unlink()
                elif step == "mkdir":
                    target.mkdir()
                else:
                    target.rmdir()
