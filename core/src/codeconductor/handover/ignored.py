"""Which files of a folder git would ignore, told from its `.gitignore` files."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from pathlib import Path

    from pathspec import GitIgnoreSpec

_LONGEST_LINE = 4096
"""Characters, of a path that a repository tells."""

_SECONDS = 20.0
"""How long git may take to list what is tracked although it is ignored."""


@frozen
class Rules:
    """The patterns of one file.

    Attributes:
        above: The path of the file's folder below the one that is walked, with a slash at its end; empty: that folder.
        within: The path of the walked folder below the file's folder, likewise; empty unless the file lies above it.
        spec: The patterns.
    """

    above: str
    within: str
    spec: GitIgnoreSpec


def rules_in(folder: Path, above: str = "", within: str = "") -> list[Rules]:
    """The rules of a folder's own `.gitignore`, none where there is none."""
    return _read(folder / ".gitignore", above, within)


def rules_above(folder: Path) -> list[Rules]:
    """The rules that reach down to a folder: those of the work tree around it, the weakest first."""
    resolved = folder.resolve()
    for top in (resolved, *resolved.parents):
        if not (top / ".git").exists():
            continue
        within = "" if top == resolved else f"{resolved.relative_to(top).as_posix()}/"
        rules = _read((_repository(top) or top / ".git") / "info" / "exclude", "", within)
        here = top
        for part in resolved.relative_to(top).parts:
            rules += rules_in(here, "", within)
            here = here / part
            within = within.partition("/")[2]
        return rules
    return []


def rules_within(folder: Path, above: str) -> list[Rules] | None:
    """The rules that a repository within the walked folder begins with, such as a submodule: none of those around it.

    Args:
        folder: The root of its work tree.
        above: Its path below the walked folder, with a slash at its end.

    Returns:
        Those of its own list; its `.gitignore` is for `rules_in`. None: git would find no repository there.
    """
    place = _repository(folder)
    return None if place is None else _read(place / "info" / "exclude", above, "")


def _repository(folder: Path) -> Path | None:
    """Where the repository of a work tree lies that has this root: there, or where a file of that name says."""
    place = folder / ".git"
    if place.is_dir():
        return place if (place / "HEAD").is_file() and (place / "objects").is_dir() else None
    where = _first_line(place)
    if not where.startswith("gitdir: "):
        return None
    place = folder / where.removeprefix("gitdir: ")
    return place / _first_line(place / "commondir")


def _first_line(file: Path) -> str:
    """Of a small file; empty where there is none, such as a pipe of that name."""
    try:
        if not file.is_file():
            return ""
        with file.open(encoding="utf-8", errors="surrogateescape") as text:
            return text.readline(_LONGEST_LINE).rstrip("\r\n")
    except (OSError, ValueError):
        return ""


def is_ignored(path: str, rules: list[Rules], *, is_folder: bool) -> bool:
    """Whether the nearest rule that has a word on a path excludes it.

    Args:
        path: Below the walked folder, with slashes; the folders above it are not ignored.
        rules: Those that reach it, the weakest first.
        is_folder: What the path is.
    """
    for rule in reversed(rules):
        below = rule.within + path[len(rule.above) :] + ("/" if is_folder else "")
        found = rule.spec.check_file(below).include
        if found is not None:
            return found
    return False


def tracked_although_ignored(folder: Path) -> frozenset[str]:
    """Paths below a folder that git tracks and would ignore; none where git or its work tree is not there."""
    git = shutil.which("git")
    if git is None or not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return frozenset()
    # what a repository's own settings name is not run
    argv = [git, "-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--ignored", "--exclude-standard"]
    try:
        listed = subprocess.run(  # noqa: S603 - no shell, and nothing in it is the repository's
            argv, cwd=folder, capture_output=True, stdin=subprocess.DEVNULL, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    if listed.returncode != 0:
        return frozenset()
    return frozenset(os.fsdecode(name) for name in listed.stdout.split(b"\0") if name)


def _read(file: Path, above: str, within: str) -> list[Rules]:
    from pathspec import GitIgnoreSpec

    try:
        if not file.is_file():
            return []
        lines = file.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    kept = []
    for line in lines:
        try:
            GitIgnoreSpec.from_lines([line])
        except ValueError:  # git passes over a pattern that makes no sense, too
            continue
        # what is in a folder, and not the folder; the same as all below it, as nobody looks into what is ignored
        kept.append(line.rstrip()[:-1] if line.rstrip().endswith("/**") else line)
    return [Rules(above, within, GitIgnoreSpec.from_lines(kept))]
