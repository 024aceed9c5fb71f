"""Which of the paths that models name lie within the project."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_UNUSABLE = re.compile(r"""[\x00-\x1f\x7f<>:"|?*`]|(?:^|/)(?:\$[A-Z({]|%\w+%)""")
_NEVER = frozenset({"", ".git", "git~1"})


def path_within(path: object, root: Path) -> str | None:
    """The path with forward slashes, relative to the project's folder; None where it leads out of it.

    Absolute paths, drives, ``~``, variables, ``..``, anything below a ``.git``, and links that lead out are outside. So
    is what some file system cannot take, or what is no path at all.
    """
    if not isinstance(path, str):
        return None
    path = path.strip().strip("`'\"").replace("\\", "/")
    if not path or len(path) > 400 or _UNUSABLE.search(path) or path.startswith(("/", "~")):
        return None
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or any(part.rstrip(" .").lower() in _NEVER or part != part.strip() for part in parts):
        return None
    try:
        if not root.joinpath(*parts).resolve().is_relative_to(root.resolve()):
            return None
    except (OSError, ValueError, RuntimeError):  # a name that is too long, a loop of links
        return None
    return "/".join(parts) + ("/" if path.endswith("/") else "")
