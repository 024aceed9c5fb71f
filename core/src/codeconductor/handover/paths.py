"""Whether a path that a model wrote may be written to."""

from __future__ import annotations

from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from codeconductor.handover.drafting import leads_through_link

if TYPE_CHECKING:
    from pathlib import Path

_REPOSITORIES = frozenset({".git", "git~1", ".hg", ".svn"})
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))})

LONGEST = 400
"""Characters of a path."""


def refused_path(folder: Path, path: str) -> str | None:
    """Why a file may not be written in the folder; None: it may.

    Args:
        folder: Whose files are written.
        path: As a model wrote it.
    """
    if not path.strip() or len(path) > LONGEST or not path.isprintable():
        return "it is empty, too long or has control characters"
    posix, windows = PurePosixPath(path), PureWindowsPath(path)
    if posix.is_absolute() or windows.is_absolute() or windows.drive or path.startswith(("~", "\\")):
        return "it is not relative"
    parts = [part.casefold().rstrip(". ") or part for part in windows.parts]
    if ".." in parts:
        return "it leads out of the folder"
    if not _REPOSITORIES.isdisjoint(parts):
        return "it belongs to a repository itself"
    if any(part.split(".")[0] in _DEVICES for part in parts):
        return "it names a device"
    if leads_through_link(folder, path) or (folder / path).is_symlink():
        return "a link stands there"
    if (folder / path).is_dir():
        return "a folder stands there"
    return None
