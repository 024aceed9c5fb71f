"""Measures what a coder has changed: the copy against the folder as it was at the start."""

from __future__ import annotations

import os
import re
import stat
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import attrs

from codeconductor.handover.diffing import diff_of
from codeconductor.handover.ignored import is_ignored, rules_above, rules_in, rules_within
from codeconductor.handover.values import Draft, FileChange, FileState, Mode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from codeconductor.handover.ignored import Rules

LARGEST_FILE = 64 * 2**20
"""Bytes of the largest file that can be part of a draft: it is kept in memory, and shown."""

NOISE = frozenset(
    {
        "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".tox", ".nox", ".venv", "venv",
        "node_modules", ".coverage", ".DS_Store", ".idea",
    }
)  # fmt: skip
"""Names of what programs leave behind as they run, which nobody means to have written."""

STAGE = re.compile(r"\.conductor-apply-[a-z0-9_]{8}")
"""Name of the folder in which a draft is applied: while that goes on, or after a kill, it lies among the files."""

_NOISY_ENDS = (".pyc", ".pyo", ".swp")
_NOISY_STARTS = (".aider",)


def make_draft(start: Path, work: Path, *, is_ignored: Callable[[str], bool] | None = None) -> Draft:
    """What the folder `work` has that `start` has not, and the other way round.

    Links that lead out of the folder, what is no file, repositories' own folders and files above `LARGEST_FILE` are
    left out with a warning; what programs leave behind as they run is left out without.

    Args:
        start: The folder as it was.
        work: The copy that was changed.
        is_ignored: Whether a new path is one that version control ignores; None: none is.
    """
    warnings: list[str] = []
    old = dict(_entries(start, "", []))
    new = dict(_entries(work, "", warnings))
    changes = []
    for path in sorted(old.keys() | new.keys()):
        if path not in old and is_ignored is not None and is_ignored(path):
            warnings.append(f"{shown(path)} is left out: version control ignores it")
            continue
        if _are_equal(start, work, path, old.get(path), new.get(path)):
            continue
        before, after = read_state(start, path), read_state(work, path)
        if after is not None and after.mode == "120000" and leads_outside(work, path, os.fsdecode(after.content)):
            warnings.append(f"{shown(path)} is left out: the link leads out of the folder")
        elif path in new and after is None:
            warnings.append(f"{shown(path)} is left out: it cannot be read, or is larger than {LARGEST_FILE >> 20} MiB")
        elif before != after:
            changes.append(FileChange(path=path, before=before, after=after))
    left_out = _hidden(work, changes)
    changes = [change for change in changes if change.path not in left_out]
    return Draft(changes=changes, diff=diff_of(changes), warnings=tuple(dict.fromkeys(warnings)))


def _hidden(work: Path, changes: Collection[FileChange]) -> set[str]:
    """Files that only seem deleted: something that is left out now stands in their place."""
    return {
        change.path
        for change in changes
        if change.after is None
        and (leads_through_link(work, change.path) or os.path.lexists(work / change.path))
        and not (work / change.path).is_dir()
    }


def ignoring(folder: Path, start: Path) -> Callable[[str], bool]:
    """Whether version control would ignore a path, by the rules of a folder as it was at the start.

    Args:
        folder: The folder itself, for the rules above it, and for where within it other repositories begin.
        start: Its copy.
    """
    known: dict[str, list[Rules]] = {"": [*rules_above(folder), *rules_in(start)]}
    begins = {"": False}

    def rules_for(above: str) -> list[Rules]:
        if above not in known:
            outer, _, _ = above.rstrip("/").rpartition("/")
            own = rules_within(folder / above, above) if (start / above).is_dir() else None
            begins[above] = own is not None
            rules = rules_for(f"{outer}/" if outer else "") if own is None else own
            known[above] = [*rules, *rules_in(start / above, above)]
        return known[above]

    def is_left_out(path: str) -> bool:
        parts = path.split("/")
        left_out = False
        for depth in range(1, len(parts) + 1):
            above = "".join(f"{part}/" for part in parts[: depth - 1])
            rules = rules_for(above)
            if begins[above] or not left_out:
                left_out = is_ignored("/".join(parts[:depth]), rules, is_folder=depth < len(parts))
        return left_out

    return is_left_out


def only(draft: Draft, paths: Collection[str]) -> Draft:
    """The draft of these files alone."""
    kept = [change for change in draft.changes if change.path in paths]
    return draft if len(kept) == len(draft.changes) else attrs.evolve(draft, changes=kept, diff=diff_of(kept))


def in_the_way(draft: Draft, paths: Collection[str]) -> list[tuple[str, str]]:
    """Those of some files that cannot be written without another change of the draft, each with what would have to go.

    That is a file where there is to be a folder, or what is in a folder where there is to be a file.
    """
    left = {change.path for change in draft.changes if change.after is None and change.path not in paths}
    written = {change.path for change in draft.changes if change.after is not None and change.path in paths}
    files = [(path, other) for path in sorted(written) for other in _above(path) if other in left]
    return files + [(path, other) for other in sorted(left) for path in _above(other) if path in written]


def _above(path: str) -> list[str]:
    return [str(folder) for folder in PurePosixPath(path).parents]


def read_state(folder: Path, path: str) -> FileState | None:
    """A file as it is; None: there is none, it is something else, or it is too large to be read.

    Nothing is read through a link.
    """
    if leads_through_link(folder, path):
        return None
    file = folder / path
    try:
        found = file.lstat()
        if stat.S_ISLNK(found.st_mode):
            return FileState(mode="120000", content=os.fsencode(file.readlink()))
        if not stat.S_ISREG(found.st_mode) or found.st_size > LARGEST_FILE:
            return None
        with open(os.open(file, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:  # noqa: PTH123 - no link in between
            return FileState(mode=_mode(found), content=stream.read())
    except OSError:
        return None


def leads_through_link(folder: Path, path: str) -> bool:
    """Whether a folder on the way to the file is a link."""
    parents = path.split("/")[:-1]
    return any((folder / "/".join(parents[: depth + 1])).is_symlink() for depth in range(len(parents)))


def leads_outside(folder: Path, path: str, target: str) -> bool:
    """Whether a link at `path` with that target leads out of the folder, wherever the folder may lie."""
    if target.startswith("/") or (len(target) > 1 and target[1] == ":"):
        return True
    depth = path.count("/")
    for part in target.split("/"):
        if part == "..":
            depth -= 1
            if depth < 0:
                return True
        elif part not in ("", "."):
            depth += 1
    root = os.path.realpath(folder)
    whole = os.path.realpath(os.path.join(root, os.path.dirname(path), target))  # noqa: PTH118, PTH120 - other links
    return os.path.commonpath([root, whole]) != root


def shown(path: str) -> str:
    """A path in a message: in quotes, and with what cannot be printed made visible."""
    return repr(path)


def _mode(found: os.stat_result) -> Mode:
    return "100755" if found.st_mode & stat.S_IXUSR else "100644"


def _entries(folder: Path, within: str, warnings: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Files and links below a folder, by their paths."""
    try:
        listed = sorted(os.scandir(folder / within), key=lambda entry: entry.name)
    except OSError as exc:
        warnings.append(f"{shown(within)} is left out: {exc.strerror}")
        return
    for entry in listed:
        path = f"{within}{entry.name}"
        if entry.name.casefold() == ".git":
            warnings.append(f"{shown(path)} is left out: it is a repository's own")
            continue
        if entry.name in NOISE or entry.name.endswith(_NOISY_ENDS) or entry.name.startswith(_NOISY_STARTS):
            continue
        if STAGE.fullmatch(entry.name):
            warnings.append(f"{shown(path)} is left out: it is conductor's own")
            continue
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(found.st_mode):
            yield from _entries(folder, f"{path}/", warnings)
        elif stat.S_ISLNK(found.st_mode) or stat.S_ISREG(found.st_mode):
            yield path, found
        else:
            warnings.append(f"{shown(path)} is left out: it is neither a file nor a link")


def _are_equal(start: Path, work: Path, path: str, old: os.stat_result | None, new: os.stat_result | None) -> bool:
    """Whether nothing has changed, told without keeping two whole files."""
    if old is None or new is None or stat.S_IFMT(old.st_mode) != stat.S_IFMT(new.st_mode):
        return False
    if stat.S_ISLNK(old.st_mode):
        return (start / path).readlink() == (work / path).readlink()
    if _mode(old) != _mode(new) or old.st_size != new.st_size:
        return False
    try:
        with (start / path).open("rb") as one, (work / path).open("rb") as other:
            while piece := one.read(1 << 16):
                if piece != other.read(1 << 16):
                    return False
    except OSError:
        return False
    return True
