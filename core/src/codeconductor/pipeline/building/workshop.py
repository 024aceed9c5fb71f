"""The folders of a build: the start, the copy that the coder changes, the one that is tested; and its saved state."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codeconductor.errors import InputError
from codeconductor.handover import Draft, apply, copy_folder, ignoring, largest_copy, make_draft
from codeconductor.pipeline.building.values import Build, from_state, to_state
from codeconductor.sandbox.scratch import LOCK, abandoned, hold, release
from codeconductor.value_classes import frozen
from codeconductor.verification.laying import Bounded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from codeconductor.session import Session

FOLDER = "builds"
STATE = "state.json"
_COPIES = ("start", "work", "trial", "given", "nothing")
"""What is removed when a build is over."""


@frozen
class Workshop:
    """The folders of one build, below the data folder, so that a kill leaves what is there.

    Attributes:
        root: Holds everything.
        folder: The user's, as the build was told of it.
    """

    root: Path
    folder: Path

    @property
    def start(self) -> Path:
        """The user's folder as it was at the start; nobody writes there."""
        return self.root / "start"

    @property
    def work(self) -> Path:
        """Where coders write; named like the user's folder, which agents show."""
        return self.root / "work" / (self.folder.name or "project")

    @property
    def trial(self) -> Path:
        """What is tested: the start with what was approved."""
        return self.root / "trial"

    @property
    def given(self) -> Path:
        """Tests that lie outside of the folder, or are ignored in it."""
        return self.root / "given"

    def open(self, session: Session) -> None:
        """Copy the user's folder; links to the outside and the like are left out with a warning.

        Raises:
            InputError: It cannot be copied, or is larger than ``[build] max_copy``.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True)
        except OSError as exc:
            raise InputError(
                f"cannot make {str(self.root)!r}: {exc.strerror}",
                hint="make the folder writable, or move it with CONDUCTOR_HOME",
            ) from exc
        self.take()
        copied = copy_folder(self.folder, self.start, most=largest_copy(session))
        for warning in copied.warnings:
            session.warn(warning)
        self.fresh_work(self.start)

    def take(self) -> None:
        """Be the only process that works on this build.

        Raises:
            InputError: Another one does.
        """
        with _writing(self.root):
            is_ours = hold(self.root)
        if not is_ours:
            raise InputError(
                f"the build {self.root.name} is still going on, in another conductor", hint="wait until that has ended"
            )

    def fresh_work(self, source: Path) -> None:
        """Have the coder begin, or begin again, from a folder."""
        shutil.rmtree(self.work.parent, ignore_errors=True)
        with _writing(self.work):
            self.work.parent.mkdir()
        _copy(source, self.work)

    def fresh_trial(self, draft: Draft) -> None:
        """The start with a draft, to be tested."""
        shutil.rmtree(self.trial, ignore_errors=True)
        _copy(self.start, self.trial)
        apply(draft, self.trial)

    def draft(self) -> Draft:
        """What the coder has changed so far, against the start."""
        return make_draft(self.start, self.work, is_ignored=ignoring(self.folder, self.start))

    def tested(self) -> Draft:
        """What was tested last, against the start."""
        return make_draft(self.start, self.trial)

    def keep_tests(self, tests: Sequence[str], *, most: int) -> tuple[str, ...]:
        """Copy the user's tests that are not in the copy; gives the paths in the folder of those that are.

        Raises:
            InputError: They have more than `most` bytes together, or cannot be copied.
        """
        inside, bounded = [], Bounded(most)
        for number, name in enumerate(tests):
            path = Path(os.path.abspath(name))  # noqa: PTH100 - `..` is no name
            relative = _below(path, self.folder)
            if relative is not None and os.path.lexists(self.start / relative):
                inside.append(relative)
                continue
            place = self.given / str(number)
            with _writing(place):
                place.mkdir(parents=True, exist_ok=True)
                if path.is_dir():
                    shutil.copytree(
                        path, place / path.name, symlinks=True, dirs_exist_ok=True, copy_function=bounded.copy
                    )
                else:
                    bounded.copy(str(path), str(place / path.name))
        return tuple(inside)

    def tests(self, inside: Sequence[str], *, within: Path) -> list[Path]:
        """The user's tests as they are given to a runner that works on `within`."""
        kept = sorted(path for path in self.given.glob("*/*") if path.name != "__pycache__")
        return [*(within / name for name in inside), *kept]

    def save(self, build: Build, inside: Sequence[str]) -> None:
        """Write down how far the build has come, whole or not at all."""
        partial = self.root / f"{STATE}.tmp"
        with partial.open("w", encoding="utf-8") as file:
            json.dump({"build": to_state(build), "inside": list(inside)}, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.root / STATE)

    def save_diff(self, name: str, diff: str) -> str:
        """Write a diff beside the others; gives its path.

        Raises:
            InputError: The disk is full, or the like.
        """
        path = self.root / name
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(diff.encode("utf-8", "surrogateescape"))
        return str(path)

    def note_decision(self, entry: dict[str, Any]) -> None:
        """Append one decision to the list of all, on disk before anything follows from it."""
        line = json.dumps(entry) + "\n"
        path = self.root.parent / "approvals.jsonl"
        with (
            _writing(path),
            os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "a", encoding="utf-8") as file,
        ):
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def close(self) -> None:
        """Remove the folders; the diffs stay. It cannot be resumed from then on, so a kill in the midst leaves no half.

        What is left then is for `sweep`.
        """
        with suppress(OSError):
            (self.root / STATE).unlink()
        _remove_copies(self.root)
        release(self.root)

    def discard(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.root, ignore_errors=True)
        release(self.root)


def sweep(data: Path) -> None:
    """Remove the copies of builds that were killed and cannot be resumed; their diffs stay."""
    for lock in (data / FOLDER).glob(f"*/{LOCK}"):
        root = lock.parent
        with abandoned(root) as is_so:
            if is_so and not (root / STATE).exists():
                _remove_copies(root)
                with suppress(OSError):
                    lock.unlink()
                    root.rmdir()  # where there is nothing more


def _remove_copies(root: Path) -> None:
    for name in _COPIES:
        shutil.rmtree(root / name, ignore_errors=True)


def unfinished(data: Path) -> list[tuple[str, int]]:
    """The builds that wait to be resumed, or go on right now: id, and bytes on disk; the oldest first."""
    roots = sorted(state.parent for state in (data / FOLDER).glob(f"*/{STATE}"))
    return [(root.name, _size(root)) for root in roots]


def folders(data: Path) -> set[Path]:
    """The folders that the builds which wait to be resumed are for, as far as their states can be read."""
    found = set()
    for state in (data / FOLDER).glob(f"*/{STATE}"):
        with suppress(InputError):
            found.add(find(data, state.parent.name)[0].folder)
    return found


def _size(root: Path) -> int:
    size = 0
    for folder, _, names in os.walk(root):
        for name in names:
            with suppress(OSError):
                size += os.lstat(os.path.join(folder, name)).st_blocks * 512  # noqa: PTH118 - many files
    return size


def find(data: Path, name: str) -> tuple[Workshop, Build, tuple[str, ...]]:
    """An unfinished build, with the tests inside of its folder.

    Raises:
        InputError: There is none of that name, or several; or what is there cannot be read.
    """
    states = sorted((data / FOLDER).glob(f"*/{STATE}"))
    if name == "last":
        states = states[-1:]
    else:
        states = [path for path in states if name and path.parent.name.startswith(name.lower())]
    if not states:
        raise InputError(f"no build {name!r} can be resumed", hint="`conductor history` lists the runs")
    if len(states) > 1:
        raise InputError(f"{name!r} is the beginning of several builds", hint="give more of the id")
    try:
        state = json.loads(states[0].read_text(encoding="utf-8"))
        build = from_state(state["build"])
        inside = tuple(map(str, state["inside"]))
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise InputError(f"{str(states[0])!r} cannot be read: {exc}", hint="start the build again") from exc
    return Workshop(states[0].parent, Path(build.plan.folder)), build, inside


def _below(path: Path, folder: Path) -> str | None:
    for one, other in ((path, folder), (path.resolve(), folder.resolve())):
        if one.is_relative_to(other):
            return one.relative_to(other).as_posix()
    return None


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    """Say in plain words that something cannot be written; the build stands where it was, and can be resumed."""
    try:
        yield
    except OSError as exc:
        raise InputError(
            f"cannot write {str(path)!r}: {exc.strerror or exc}",
            hint="free some space, then go on with `conductor build --resume last`",
        ) from exc


def _copy(source: Path, target: Path) -> None:
    """A copy of a copy: all of it, links as they are."""
    try:
        shutil.copytree(source, target, symlinks=True)
    except (shutil.Error, OSError) as exc:
        raise InputError(
            f"cannot copy {str(source)!r}: {exc}", hint="free some space, or move the folder with CONDUCTOR_HOME"
        ) from exc
