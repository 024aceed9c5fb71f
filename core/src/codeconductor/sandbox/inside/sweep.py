"""Leaves nothing behind: ends every process that was started here, and empties folders."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Sweeper:
    """Ends what this process started, and whatever that started.

    A subreaper is handed every orphan below it, so none escapes by starting over in a session of its own. It is made
    before rights are given up: in a Landlock domain proc cannot be looked into.
    """

    def __init__(self) -> None:
        self._reaches_only_own = os.getpid() == 1
        try:
            self._children: int | None = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._children = None

    def rely_on_solitude(self) -> None:
        """Say that a signal of this process to everybody reaches nobody but its descendants.

        So it is for the only process of its user, and in a Landlock domain that keeps signals in. It is checked here
        once more, as a mistake would end everything that the user runs.
        """
        self._reaches_only_own = self._reaches_only_own or not _reaches(os.getppid())

    def sweep(self, leader: int) -> None:
        """End every process below this one, and wait until none is left.

        Args:
            leader: The first of them, with a process group of its own; it may be reaped already.
        """
        while True:
            try:
                if os.waitpid(-1, os.WNOHANG)[0] == 0:
                    self._kill(leader)
                    os.waitpid(-1, 0)
            except ChildProcessError:
                return

    def _kill(self, leader: int) -> None:
        if self._reaches_only_own:
            _send(-1)
            return
        _send(-leader)
        if self._children is not None:
            os.lseek(self._children, 0, os.SEEK_SET)
            for child in os.read(self._children, 1 << 20).split():
                _send(int(child))


def _reaches(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def _send(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except OSError:  # gone already, or nobody is left
        return


def empty(folder: Path) -> None:
    """Remove all that is in a folder, however deep, wherever its links point and whatever its modes are.

    A folder that is gone, or something else now, is made anew.

    Raises:
        OSError: Something cannot be removed.
    """
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        folder.mkdir(mode=0o700)
        return
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _remove_below(top)
    finally:
        os.close(top)


def _remove_below(top: int) -> None:
    """Remove what is below an open folder, one level at a time: a path may be too long for a name, or for recursion."""
    here = os.dup(top)
    try:
        levels = [os.listdir(here)]  # noqa: PTH208 - an open folder
        while True:
            left = levels[-1]
            while left and _removed(left[-1], here):
                left.pop()
            if left:
                here = _moved(here, left[-1])
                levels.append(os.listdir(here))  # noqa: PTH208
                continue
            levels.pop()
            if not levels:
                return
            here = _moved(here, "..")
            os.rmdir(levels[-1].pop(), dir_fd=here)
    finally:
        os.close(here)


def _moved(here: int, name: str) -> int:
    """Open a folder in or above this one, which is closed."""
    if name != "..":
        os.chmod(name, 0o700, dir_fd=here)
    there = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
    os.close(here)
    return there


def _removed(name: str, parent: int) -> bool:
    """Remove a file, or a folder that is empty."""
    with contextlib.suppress(IsADirectoryError, PermissionError):  # the latter is macOS's word for a folder
        os.unlink(name, dir_fd=parent)
        return True
    with contextlib.suppress(OSError):
        os.rmdir(name, dir_fd=parent)
        return True
    return False
