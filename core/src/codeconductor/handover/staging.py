"""The folder in which new files change places with old ones: its journal, and the way back, also after a kill.

It lies beside the files, as a rename needs, and git passes over it by a `.gitignore` of its own. The journal is there
before the first change and until the last: while it is, all can be taken back, as often as that is interrupted.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from codeconductor.errors import ConflictError
from codeconductor.handover.drafting import STAGE, leads_through_link, read_state, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codeconductor.handover.values import FileChange, FileState

PREFIX = ".conductor-apply-"
"""Beginning of its name."""

_JOURNAL = "journal.json"
_DONE = "done.json"
"""What the journal becomes when nothing is to be taken back any more."""

_CONTENT = re.compile(r"(new|old)-\d+|old-\d+\.part|journal\.json(\.tmp)?|done\.json|\.gitignore")
"""Names of what is in it, and nothing else is: a folder that only has such a name is a person's."""


def make_stage(folder: Path) -> Path:
    """A new one in a folder, which nothing but conductor takes for a part of the project.

    Raises:
        OSError: It cannot be made.
    """
    stage = Path(tempfile.mkdtemp(prefix=PREFIX, dir=folder))
    (stage / ".gitignore").write_text("*\n", encoding="utf-8")
    return stage


def stages(folder: Path) -> list[Path]:
    """Those of this user in a folder: of a conductor that goes on, or of one that was killed."""
    try:
        names = sorted(name for name in os.listdir(folder) if STAGE.fullmatch(name))  # noqa: PTH208 - names alone
    except OSError:
        return []
    return [folder / name for name in names if _is_ours(folder / name)]


def write_journal(folder: Path, stage: Path, changes: Sequence[FileChange]) -> None:
    """Write down, whole and on disk, what the folder has now and is to have: change N has `new-N` and `old-N`.

    Raises:
        OSError: It cannot be written.
    """
    above = {str(parent) for change in changes for parent in PurePosixPath(change.path).parents} - {"."}
    places = {place: folder / place for place in sorted(above | {change.path for change in changes})}
    folders = {
        place: stat.S_IMODE(path.stat().st_mode)
        for place, path in places.items()
        if path.is_dir() and not path.is_symlink()
    }
    journal = {
        "changes": [
            {"path": change.path, "before": change.before is not None, "after": _digest(change.after)}
            for change in changes
        ],
        "folders": folders,
        "made": sorted(above - folders.keys()),
    }
    partial = stage / f"{_JOURNAL}.tmp"
    with partial.open("w", encoding="utf-8") as file:
        json.dump(journal, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(stage / _JOURNAL)
    if os.name == "posix":
        here = os.open(stage, os.O_RDONLY)
        try:
            os.fsync(here)
        finally:
            os.close(here)


def settle(stage: Path) -> None:
    """Have all that was changed be so for good."""
    (stage / _JOURNAL).replace(stage / _DONE)


def clear(stage: Path) -> None:
    """Remove it, unless there is still something to take back from it; what cannot be removed stays."""
    if os.path.lexists(stage / _JOURNAL):
        return
    with suppress(OSError):
        for name in sorted(os.listdir(stage), key=lambda name: name in (_DONE, ".gitignore")):  # noqa: PTH208
            (stage / name).unlink()
        stage.rmdir()


def is_settled(stage: Path) -> bool:
    """Whether it is there only because its removal was interrupted."""
    return os.path.lexists(stage / _DONE)


def take_back(folder: Path, stage: Path) -> bool:
    """Make the folder what it was when the journal was written; whether there was one.

    Raises:
        ConflictError: A file has changed since then, and nothing is taken back; or it could not all be. The old files
            stay in the stage.
    """
    journal = _read_journal(stage)
    if journal is None:
        return False
    made, kept = _ways_back(folder, stage, journal)
    failed: list[str] = []
    for path in made:
        with _trying(path, failed):
            (folder / path).unlink()
    for path in sorted(journal["made"], key=len, reverse=True):
        with suppress(OSError):  # it is not there, or has something else in it
            (folder / path).rmdir()
    for path, mode in sorted(journal["folders"].items(), key=lambda item: len(item[0])):
        if not os.path.lexists(folder / path):
            with _trying(path, failed):
                (folder / path).mkdir()
                (folder / path).chmod(mode)
    for path, old in kept:
        with _trying(path, failed):
            old.replace(folder / path)
    if failed:
        raise _left(folder, stage, failed, "could not be taken back")
    try:
        settle(stage)
    except OSError as exc:
        raise _left(folder, stage, [stage.name], f"cannot be written: {exc.strerror}") from exc
    return True


@contextmanager
def _trying(path: str, failed: list[str]) -> Iterator[None]:
    """The others are still to be taken back."""
    try:
        yield
    except OSError:
        failed.append(path)


def _ways_back(folder: Path, stage: Path, journal: dict[str, Any]) -> tuple[list[str], list[tuple[str, Path]]]:
    """The files that are to be removed, and those that are to be put back, from where."""
    made: list[str] = []
    kept: list[tuple[str, Path]] = []
    touched: list[str] = []
    for number, change in enumerate(journal["changes"]):
        path, after, old = change["path"], change["after"], stage / f"old-{number}"
        is_there = os.path.lexists(folder / path)
        was_put = after is not None and not os.path.lexists(stage / f"new-{number}")
        there = read_state(folder, path)
        if leads_through_link(folder, path):
            touched.append(path)
        elif os.path.lexists(old):
            ours = (after, _digest(read_state(stage, old.name)))
            is_ours = there is not None and _digest(there) in ours
            is_ours = is_ours or (path in journal["made"] and (folder / path).is_dir())
            if is_ours or not is_there:
                kept.append((path, old))
            else:
                touched.append(path)
        elif path in journal["folders"] and (folder / path).is_dir():
            continue  # as it was, before a file took its place
        elif was_put and not change["before"] and is_there:
            (made if _digest(there) == after else touched).append(path)
    if touched:
        raise _left(folder, stage, touched, "changed since then")
    return made, kept


def _left(folder: Path, stage: Path, paths: list[str], what: str) -> ConflictError:
    return ConflictError(
        f"a change to {folder} is half done, and {', '.join(map(shown, paths[:3]))} {what}: its old files are in "
        f"{stage.name}",
        paths=tuple(paths),
        hint=f"put back what you need of {stage}, then remove it",
    )


def _digest(state: FileState | None) -> list[str] | None:
    return None if state is None else [state.mode, hashlib.sha256(state.content).hexdigest()]


def _read_journal(stage: Path) -> dict[str, Any] | None:
    """What was written down; None: nothing, or nothing of ours, as in a repository that somebody else made."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with open(os.open(stage / _JOURNAL, flags), encoding="utf-8") as file:  # noqa: PTH123 - no link, no waiting
            journal = json.load(file)
        paths = [change["path"] for change in journal["changes"]]
        is_ours = all(map(_is_inside, [*paths, *journal["made"], *journal["folders"]]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return dict(journal) if is_ours else None


def _is_inside(path: str) -> bool:
    parts = path.split("/")
    return not {"", ".", ".."} & set(parts) and ".git" not in map(str.casefold, parts)


def _is_ours(path: Path) -> bool:
    """Whether it is a folder of this user's with nothing in it but what we put there."""
    try:
        found = path.lstat()
        is_own = stat.S_ISDIR(found.st_mode) and (os.name != "posix" or found.st_uid == os.geteuid())
        return is_own and all(map(_CONTENT.fullmatch, os.listdir(path)))  # noqa: PTH208 - names alone
    except OSError:
        return False
