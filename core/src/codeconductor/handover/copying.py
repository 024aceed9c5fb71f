"""Copies a project's folder, for others to write into: without what git ignores, and without its repository."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from codeconductor.errors import InputError
from codeconductor.handover.cloning import Clones, copy_content
from codeconductor.handover.drafting import STAGE
from codeconductor.handover.ignored import is_ignored, rules_above, rules_in, rules_within, tracked_although_ignored
from codeconductor.settings import BuildSettings
from codeconductor.settings.tables import size_in_bytes
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from codeconductor.handover.ignored import Rules
    from codeconductor.session import Session

_LEFT_OUT = frozenset({".git", "__pycache__"})
"""Names that are never copied: a repository, and what Python makes anew."""

_NAMED = 5
"""Paths that one warning names; of the others it tells how many there are."""


@frozen(kw_only=True)
class Copied:
    """A copy of a folder.

    Attributes:
        folder: The copy.
        files: How many regular files it has.
        size: Bytes of all of them.
        linked: Folders of dependencies (virtual environments, `node_modules`) that the copy links to, by their path in
            it: they are not copied, and whoever runs code in the copy lets it read them and nothing more.
        warnings: What was left out, and why.
    """

    folder: Path
    files: int
    size: int
    linked: dict[str, Path]
    warnings: tuple[str, ...]


@frozen
class _Entry:
    path: str
    kind: Literal["folder", "file", "link", "linked"]
    mode: int = 0
    size: int = 0
    target: str = ""


def largest_copy(session: Session) -> int:
    """Bytes of ``[build] max_copy``."""
    return size_in_bytes(session.settings("build", BuildSettings).max_copy)


def copy_folder(
    source: Path, target: Path, *, most: int, dependencies: Path | None = None, ignoring: bool = True
) -> Copied:
    """Copy what is in a folder into a new one.

    Left out are what its ``.gitignore`` files exclude (in a repository within it, its own alone), every ``.git``,
    caches that are marked as such, and, with a warning, links that lead out of it, sockets and the like, and what
    cannot be read. Nothing is shared with the source that could be written through: files are cloned where the file
    system can, else copied, holes and modes kept.

    Args:
        source: What to copy; it is only read.
        target: A path where nothing is yet, in a folder that exists.
        most: Bytes that the files may have together.
        dependencies: The folder whose virtual environments and `node_modules` the copy links to; the source unless
            given. A copy of a copy names the first source, as links into it lead out of the copy.
        ignoring: Whether ``.gitignore`` files count; in a copy of a copy, which has no repository, they cannot.

    Raises:
        InputError: There is no such folder, it has more than `most` (nothing was copied then), or the disk is full.
    """
    source = source.absolute()
    walk = _Walk(source, (dependencies or source).absolute(), ignoring=ignoring)
    entries = walk.entries()
    size = sum(entry.size for entry in entries)
    if size > most:
        raise InputError(
            f"{str(source)!r} has {in_words(size)}, more than the {in_words(most)} of [build] max_copy",
            hint="let .gitignore exclude what the code does not need, or raise it: CONDUCTOR_BUILD__MAX_COPY='8 GiB'",
        )
    try:
        _write(source, target, entries, walk)
    except OSError as exc:
        raise InputError(
            f"cannot copy {str(source)!r} to {str(target)!r}: {exc.strerror}", hint="free some space, or set TMPDIR"
        ) from exc
    return Copied(
        folder=target,
        files=sum(entry.kind == "file" for entry in entries),
        size=size,
        linked={entry.path: Path(entry.target) for entry in entries if entry.kind == "linked"},
        warnings=walk.warnings(),
    )


class _Walk:
    """Goes through a folder and says what of it is copied."""

    def __init__(self, source: Path, dependencies: Path, *, ignoring: bool) -> None:
        self._source = source
        self._ignoring = ignoring
        self._real = Path(os.path.realpath(source))
        self._dependencies = dependencies
        self._found: list[_Entry] = []
        self._tracked: set[str] = set()
        self._tracked_folders: set[str] = set()
        self.left: dict[str, list[str]] = {}

    def entries(self) -> list[_Entry]:
        """Everything that is copied, folders before what is in them."""
        if not self._source.is_dir():
            raise InputError(f"{str(self._source)!r} is no folder", hint="give the folder of a project")
        pending: list[tuple[str, list[Rules]]] = [("", [])]
        if self._ignoring:
            pending = [("", rules_above(self._source))]
            self._note_tracked("")
        while pending:
            above, rules = pending.pop()
            folder = self._source / above
            try:
                with os.scandir(folder) as scanned:
                    children = list(scanned)
            except OSError as exc:
                if not above:
                    raise InputError(f"cannot read {str(folder)!r}: {exc.strerror}", hint="check its mode") from exc
                self.leave(above, "cannot be read")
                continue
            names = {child.name for child in children}
            if above and "CACHEDIR.TAG" in names and "pyvenv.cfg" not in names:
                continue
            if above and ".git" in names and self._ignoring:
                rules = self._rules_within(above, rules)
            if ".gitignore" in names and self._ignoring:
                rules = [*rules, *rules_in(folder, above)]
            for child in children:
                self._take(child, above + child.name, rules, pending)
        return self._found

    def _rules_within(self, above: str, rules: list[Rules]) -> list[Rules]:
        """What counts in a folder that may be a repository of its own."""
        own = rules_within(self._source / above, above)
        if own is None:
            return rules
        self._note_tracked(above)
        return own

    def _note_tracked(self, above: str) -> None:
        tracked = {above + path for path in tracked_although_ignored(self._source / above)}
        self._tracked |= tracked
        self._tracked_folders |= {str(folder) for path in tracked for folder in Path(path).parents}

    def _take(
        self, child: os.DirEntry[str], path: str, rules: list[Rules], pending: list[tuple[str, list[Rules]]]
    ) -> None:
        if child.name in _LEFT_OUT:
            return
        is_folder = child.is_dir(follow_symlinks=False)
        if is_folder and STAGE.fullmatch(child.name):
            self.leave(path, "is conductor's own, of a change that goes on or was interrupted")
            return
        if self._is_dependency(child, path):
            self._found.append(_Entry(path, "linked", target=os.path.realpath(self._dependencies / path)))
            return
        if rules and is_ignored(path, rules, is_folder=is_folder) and not self._is_tracked(path, is_folder):
            return
        try:
            status = child.stat(follow_symlinks=False)
        except OSError:
            return  # gone meanwhile
        if is_folder:
            self._found.append(_Entry(path, "folder", stat.S_IMODE(status.st_mode)))
            pending.append((f"{path}/", rules))
        elif stat.S_ISLNK(status.st_mode):
            self._link(path)
        elif not stat.S_ISREG(status.st_mode):
            self.leave(path, "is no regular file")
        else:
            self._found.append(_Entry(path, "file", stat.S_IMODE(status.st_mode), status.st_size))

    def _is_dependency(self, child: os.DirEntry[str], path: str) -> bool:
        if child.name != "node_modules" and child.name not in {".venv", "venv", "env"}:
            return False
        place = self._dependencies / path
        if child.name == "node_modules":
            return place.is_dir()
        return (place / "pyvenv.cfg").is_file()

    def _is_tracked(self, path: str, is_folder: bool) -> bool:
        return path in self._tracked or (is_folder and path in self._tracked_folders)  # a submodule is tracked itself

    def _link(self, path: str) -> None:
        place = self._source / path
        try:
            target = str(place.readlink())
            real = Path(os.path.realpath(place))
        except OSError:
            self.leave(path, "cannot be read")
            return
        if not real.is_relative_to(self._real):
            self.leave(path, "leads out of the folder")
            return
        if Path(target).is_absolute():
            target = os.path.relpath(real, os.path.realpath(place.parent))
        self._found.append(_Entry(path, "link", target=target))

    def leave(self, path: str, why: str) -> None:
        """Note what is left out, and why."""
        self.left.setdefault(why, []).append(path.rstrip("/"))

    def warnings(self) -> tuple[str, ...]:
        """A line for each reason to leave something out."""
        lines = []
        for why, paths in self.left.items():
            more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
            lines.append(f"not copied, as it {why}: {', '.join(map(repr, sorted(paths)[:_NAMED]))}{more}")
        return tuple(lines)


def _write(source: Path, target: Path, entries: list[_Entry], walk: _Walk) -> None:
    with ExitStack() as exits:
        flags = os.O_RDONLY | os.O_DIRECTORY
        target.mkdir(mode=0o700)
        here = os.open(source, flags)
        exits.callback(os.close, here)
        there = os.open(target, flags)
        exits.callback(os.close, there)
        clones = Clones()
        for entry in entries:
            if entry.kind == "folder":
                os.mkdir(entry.path, 0o700, dir_fd=there)
            elif entry.kind == "file":
                _copy_file(entry, here, there, clones, walk)
            else:
                os.symlink(entry.target, entry.path, dir_fd=there)
        for entry in reversed(entries):
            if entry.kind == "folder":
                os.chmod(entry.path, entry.mode | 0o700, dir_fd=there)


def _copy_file(entry: _Entry, here: int, there: int, clones: Clones, walk: _Walk) -> None:
    try:
        source = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=here)
    except OSError as exc:
        if exc.errno != errno.ENOENT:  # gone meanwhile
            walk.leave(entry.path, "cannot be read")
        return
    try:
        mode = entry.mode & 0o777
        target = os.open(entry.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode | 0o200, dir_fd=there)
        try:
            if entry.size and not clones.clone(source, target):
                copy_content(source, target, entry.size)
            os.fchmod(target, mode)
        finally:
            os.close(target)
    finally:
        os.close(source)


def in_words(size: int) -> str:
    """A size in bytes, for people."""
    for unit, power in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << power:
            return f"{size / (1 << power):.1f} {unit}"
    return f"{size} bytes"
