"""Reads the files that a user names with `-c`, as text and never from outside of the project by a link."""

from __future__ import annotations

import codecs
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor.errors import InputError
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MAX_FILE = 256 * 1024
"""Bytes that are read of one file; of a longer one the beginning is taken."""

MAX_FILES = 200
"""Files that are taken from one folder."""

_LEFT_OUT = frozenset(
    {"__pycache__", "node_modules", "venv", "target", "dist", "build", "site-packages", "vendor", "coverage"}
)


@frozen(kw_only=True)
class ContextFile:
    """A file that the models may read and the prompt names.

    Attributes:
        path: Relative to the project's folder with forward slashes where it is inside, else as it was given;
            ``"-"`` is standard input.
        text: Its content, cut at 256 KiB.
        size: Bytes of the whole file; of standard input that is cut, those that were read.
    """

    path: str
    text: str
    size: int

    @property
    def is_cut(self) -> bool:
        """Whether `text` is only the beginning."""
        return self.size > len(self.text.encode())


def read_context(paths: Sequence[str], root: Path, warn: Callable[[str], None]) -> tuple[ContextFile, ...]:
    """Read files and folders in the order given; each file once.

    Args:
        paths: As on the command line; ``"-"`` is standard input.
        root: The project's folder.
        warn: Told of every file that is left out or cut, and why.

    Raises:
        InputError: A path does not exist or cannot be read; standard input is no text, or not UTF-8.
    """
    files: dict[str, ContextFile] = {}
    for given in paths:
        if given == "-":
            files.setdefault("-", _from_stdin())
            if files["-"].is_cut:
                warn(f"standard input is cut: only its first {MAX_FILE // 1024} KiB are read")
            continue
        path = _existing(given)
        walks = path.is_dir() and not _leaves(path, root)  # what lies in a folder outside is not even listed
        for found in _walk(path, root, warn) if walks else [path]:
            named = _named(found, root)
            if named in files:
                continue
            if _leaves(found, root):
                warn(f"{named} is left out: it is a link that leads out of the project")
                continue
            try:
                file = _read(found, named)
            except OSError as exc:
                if not path.is_dir():
                    raise InputError(f"cannot read {given!r}: {exc.strerror}", hint="check its permissions") from exc
                warn(f"{named} is left out: {exc.strerror}")
                continue
            if file is None:
                warn(f"{named} is left out: it is no text")
                continue
            if file.is_cut:
                warn(f"{named} is cut: only its first {MAX_FILE // 1024} KiB of {file.size // 1024} KiB are read")
            files[named] = file
    return tuple(files.values())


def _from_stdin() -> ContextFile:
    data = sys.stdin.buffer.read(MAX_FILE + 1)
    if b"\0" in data:
        raise InputError("standard input is no text: it has zero bytes", hint="give text, such as a diff or a source")
    try:
        text = _decoded(data)
    except UnicodeDecodeError as exc:
        raise InputError("standard input is not UTF-8", hint="convert it, for example with iconv -t UTF-8") from exc
    return ContextFile(path="-", text=text, size=len(data))


def _existing(given: str) -> Path:
    path = Path(given)
    try:
        exists = bool(given) and path.exists()
        is_link = not exists and path.is_symlink()
    except OSError as exc:  # a name that is too long, a folder that must not be looked into
        raise InputError(f"cannot read {given!r}: {exc.strerror}", hint="check the path given with -c") from exc
    if not exists:
        broken = " (a link that leads nowhere)" if is_link else ""
        raise InputError(f"no such context file: {given!r}{broken}", hint="check the path given with -c")
    return path


def _walk(folder: Path, root: Path, warn: Callable[[str], None]) -> Iterator[Path]:
    def refused(exc: OSError) -> None:
        warn(f"{_named(Path(exc.filename), root)} is left out: {exc.strerror}")

    count = 0
    for parent, folders, names in os.walk(folder, onerror=refused):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _LEFT_OUT)
        for name in folders:
            if _leaves(Path(parent, name), root):
                warn(f"{_named(Path(parent, name), root)} is left out: it is a link that leads out of the project")
        for name in sorted(names):
            if name.startswith("."):
                continue
            count += 1
            if count > MAX_FILES:
                warn(f"{folder} has more than {MAX_FILES} files: the others are left out")
                return
            yield Path(parent) / name


def _named(path: Path, root: Path) -> str:
    lexical = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    for base in (root, root.resolve()):
        if lexical.is_relative_to(base):
            return lexical.relative_to(base).as_posix()
    return path.as_posix()


def _leaves(path: Path, root: Path) -> bool:
    lexical = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
    inside = lexical.is_relative_to(root) or lexical.is_relative_to(root.resolve())
    if inside:
        try:
            return not path.resolve().is_relative_to(root.resolve())
        except (OSError, RuntimeError):  # links that lead in a circle, and so nowhere
            return False
    return path.is_symlink()


def _read(path: Path, named: str) -> ContextFile | None:
    if not path.is_file():  # a device or a pipe would never end
        return None
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    if b"\0" in data:
        return None
    try:
        text = _decoded(data)
    except UnicodeDecodeError:
        return None
    return ContextFile(path=named, text=text, size=path.stat().st_size)


def _decoded(data: bytes) -> str:
    """The text of what was read, without the character that is cut where the reading stopped."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    return decoder.decode(data[:MAX_FILE], final=len(data) <= MAX_FILE)
