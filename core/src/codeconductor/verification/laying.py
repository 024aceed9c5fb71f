"""Lays tests, and what else counts, into the copy of a project."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor.errors import InputError
from codeconductor.handover.copying import in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


def places_of(tests: Iterable[Path], origin: Path) -> dict[str, Path]:
    """Where in a copy of `origin` each test lies, by its path there: outside ones at the root under their base name.

    Raises:
        InputError: A test does not exist, is neither a file nor a folder, or two would lie in one place.
    """
    places: dict[str, Path] = {}
    root = Path(os.path.realpath(origin))
    for given in tests:
        found = given if given.exists() else origin / given
        if not found.exists():
            raise InputError(f"there are no tests at {str(given)!r}", hint="give the path of a file or folder")
        if not (found.is_file() or found.is_dir()):
            raise InputError(f"{str(given)!r} is neither a file nor a folder", hint="give the path of a file or folder")
        real = Path(os.path.realpath(found))
        name = os.path.basename(os.path.abspath(found))  # noqa: PTH100, PTH119 - `..` is no name
        if not name:
            raise InputError(f"{str(given)!r} is the root of all files", hint="give the path of a file or folder")
        place = real.relative_to(root).as_posix() if real.is_relative_to(root) else name
        if places.get(place, real) != real:
            raise InputError(
                f"{str(places[place])!r} and {str(real)!r} would both be laid at {place!r}", hint="rename one of them"
            )
        places[place] = real
    return places


def lay(places: Mapping[str, Path], copy: Path, *, most: int) -> None:
    """Put files and folders into a copy, over what is there; devices, pipes and the like stay out.

    Args:
        places: What to put there, by its path in the copy.
        copy: Where.
        most: Bytes that all of it may have.

    Raises:
        InputError: One of them cannot be read, or it is more than `most`.
    """
    bounded = Bounded(most)
    for place, content in places.items():
        target = copy / place
        if place == ".":
            continue
        try:
            _make_way(target, copy)
            if content.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".git")
                shutil.copytree(content, target, ignore=ignored, copy_function=bounded.copy)
            else:
                bounded.copy(str(content), str(target))
        except (OSError, shutil.Error) as exc:
            raise InputError(f"cannot lay {str(content)!r} into the copy: {exc}", hint="check its mode") from exc


class Bounded:
    """Copies files until they are more than a copy may have.

    Args:
        most: Bytes that all of them may have.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._left = most

    def copy(self, source: str, target: str) -> str:
        """Copy one with its mode, as `shutil.copytree` has it done; what is no file is left out.

        Raises:
            InputError: It would be too much.
        """
        found = os.stat(source)  # noqa: PTH116 - many files
        if stat.S_ISREG(found.st_mode):
            self._left -= found.st_size
            if self._left < 0:
                raise InputError(
                    f"the tests have more than the {in_words(self._most)} of [build] max_copy",
                    hint="give less of what lies there, or raise it: CONDUCTOR_BUILD__MAX_COPY='8 GiB'",
                )
            shutil.copy2(source, target)
        return target


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
