"""Folders of our own, which a kill cannot leave for ever: their owner holds a lock, and who finds it free sweeps.

The lock is the kernel's (`flock`): it ends with the process that took it, however that ends, so nothing is guessed from
an age, a name or the number of a process. In the temporary folder stands ``conductor-KIND-…``, ours alone, with the
file ``lock`` and the folder that is used; what untrusted code writes goes into the latter, and reaches no lock.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor.sandbox.inside.sweep import empty

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = "lock"
"""Name of the file that is locked."""

_NAME = re.compile(r"conductor-[a-z]+-[a-z0-9_]{8}")

_held: dict[Path, int] = {}
_guard = threading.Lock()
_swept: set[str] = set()


def fresh_folder(kind: str = "sandbox") -> Path:
    """A new folder in the temporary one, for `remove_folder` to remove; before the first, those of the dead are swept.

    Args:
        kind: What it is for, in lower-case letters: a part of its name.
    """
    top = tempfile.gettempdir()
    with _guard:
        is_first = top not in _swept
        _swept.add(top)
    if is_first:
        sweep(Path(top))
    outer = Path(tempfile.mkdtemp(prefix=f"conductor-{kind}-", dir=top))
    if os.name == "posix" and os.geteuid() == 0:
        outer.chmod(0o711)  # what root runs becomes another user, who goes through here
    hold(outer)
    folder = outer / "here"
    folder.mkdir(mode=0o700)
    return folder


def remove_folder(folder: Path) -> None:
    """Remove what `fresh_folder` gave, though untrusted code wrote into it; what nobody can remove stays."""
    with suppress(OSError):
        empty(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists() and _NAME.fullmatch(folder.parent.name):
        release(folder.parent)
        with suppress(OSError):
            folder.parent.rmdir()


@contextmanager
def scratch_folder(kind: str = "scratch") -> Iterator[Path]:
    """A new folder in the temporary one that is removed at the end; where we are killed, by a later conductor.

    Args:
        kind: What it is for, in lower-case letters: a part of its name.
    """
    folder = fresh_folder(kind)
    try:
        yield folder
    finally:
        remove_folder(folder)


def hold(folder: Path) -> bool:
    """Lock a folder for this process, until `release` or its end; False: another holds it.

    Where the system or the file system has no such locks, it is held by nobody, and never swept.
    """
    file = folder / LOCK
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    if not os.path.lexists(file):  # it appears under its name when it is locked, so that nobody finds it free
        lock, new = tempfile.mkstemp(prefix=f"{LOCK}.", dir=folder)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.link(new, file)
        except OSError:
            os.close(lock)
            return not os.path.lexists(file)
        else:
            _held[folder] = lock
            return True
        finally:
            os.unlink(new)  # noqa: PTH108 - the name alone
    found = _locked(file)
    if found is None:
        return False
    _held[folder] = found
    return True


def release(folder: Path) -> None:
    """Give a folder up that `hold` has locked, and remove the lock."""
    lock = _held.pop(folder, None)
    if lock is not None:
        with suppress(OSError):
            (folder / LOCK).unlink()
        os.close(lock)


@contextmanager
def abandoned(folder: Path) -> Iterator[bool]:
    """Whether the owner of a folder is dead: it is a folder of this user's own, and its lock is free.

    While the context lasts it is locked by us, so that nobody else takes it.
    """
    lock = _locked(folder / LOCK) if _is_own_folder(folder) else None
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def sweep(top: Path) -> None:
    """Remove from a folder what conductors of this user left there that were killed."""
    try:
        names = [name for name in os.listdir(top) if _NAME.fullmatch(name)]  # noqa: PTH208 - names alone
    except OSError:
        return
    for name in names:
        outer = top / name
        with abandoned(outer) as is_so:
            if not is_so:
                continue
            with suppress(OSError):
                empty(outer / "here")
                empty(outer)  # with the lock, when what may fail is done
                outer.rmdir()


def _is_own_folder(folder: Path) -> bool:
    """Not a link, nor anything that somebody else has laid out."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return os.name == "posix" and stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def _locked(file: Path) -> int | None:
    """The descriptor of a lock file that is now locked by us; None: it is not there, not ours, or another's."""
    import fcntl

    try:
        lock = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(lock)
        if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and os.path.samestat(found, file.lstat()):
            return lock
    except OSError:  # another holds it, or has removed it just now
        pass
    os.close(lock)
    return None
