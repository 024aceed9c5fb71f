"""Lays tests, and what else counts, into the copy of a project."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def places_of(tests: Iterable[Path], origin: Path) -> dict[str, Path]:
    """Where in a copy of `origin` each test lies, by its path there: outside ones at the root under their base name.

    Raises:
        InputError: A test does not exist, or two would lie in one place.
    """
    places: dict[str, Path] = {}
    root = Path(os.path.realpath(origin))
    for given in tests:
        found = given if given.exists() else origin / given
        if not found.exists():
            raise InputError(f"there are no tests at {str(given)!r}", hint="give the path of a file or folder")
        real = Path(os.path.realpath(found))
        place = real.relative_to(root).as_posix() if real.is_relative_to(root) else found.absolute().name
        if places.get(place, real) != real:
            raise InputError(
                f"{str(places[place])!r} and {str(real)!r} would both be laid at {place!r}", hint="rename one of them"
            )
        places[place] = real
    return places


def lay(places: Mapping[str, Path], copy: Path) -> None:
    """Put files and folders into a copy, over what is there.

    Raises:
        InputError: One of them cannot be read.
    """
    for place, content in places.items():
        target = copy / place
        if place == ".":
            continue
        try:
            _make_way(target, copy)
            if content.is_dir():
                shutil.copytree(content, target, ignore=shutil.ignore_patterns("__pycache__", ".git"))
            else:
                shutil.copyfile(content, target)
        except (OSError, shutil.Error) as exc:
            raise InputError(f"cannot lay {str(content)!r} into the copy: {exc}", hint="check its mode") from exc


def _make_way(target: Path, copy: Path) -> None:
    """Remove what is there, and whatever stands where a folder above it must be: a link would lead elsewhere."""
    for above in reversed(target.relative_to(copy).parents):
        folder = copy / above
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            folder.unlink()
        folder.mkdir(exist_ok=True)
    if target.is_symlink() or target.is_file():
        target.unlink()
    elif target.is_dir():
        shutil.rmtree(target)
