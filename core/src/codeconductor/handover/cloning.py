"""Copies what is in one file into another: shared until one is written where the file system can, else by its parts."""

from __future__ import annotations

import errno
import os
from contextlib import suppress

_CLONE = 0x40049409
"""`FICLONE`: let two files of one file system share what is in them until one is written."""

_NOT_HERE = frozenset({errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EXDEV, errno.ENOSYS, errno.EPERM})
"""What a file system says that cannot clone."""

_PART = 1 << 20
"""Bytes that are copied at a time."""


class Clones:
    """Whether the file system can clone: asked with the first file, and not again when it cannot."""

    def __init__(self) -> None:
        self._is_able = os.name == "posix"

    def clone(self, source: int, target: int) -> bool:
        """Whether an open file now has the content of another."""
        if not self._is_able:
            return False
        import fcntl

        try:
            fcntl.ioctl(target, _CLONE, source)
        except OSError as exc:
            self._is_able = exc.errno not in _NOT_HERE
            return False
        return True


def copy_content(source: int, target: int, size: int) -> None:
    """Copy what a file has, and leave out its holes."""
    if size <= _PART:
        _put(target, os.read(source, size))
        return
    place = 0
    while place < size:
        try:
            place = os.lseek(source, place, os.SEEK_DATA)
            end = os.lseek(source, place, os.SEEK_HOLE)
        except OSError as exc:
            if exc.errno == errno.ENXIO:  # nothing but a hole is left
                break
            end = size  # a file system that knows of no holes
        os.lseek(source, place, os.SEEK_SET)
        os.lseek(target, place, os.SEEK_SET)
        while place < end and (part := os.read(source, min(_PART, end - place))):
            _put(target, part)
            place += len(part)
        if place < end:
            break  # it has become shorter meanwhile
    with suppress(OSError):
        os.ftruncate(target, size)


def _put(target: int, content: bytes) -> None:
    while content:
        content = content[os.write(target, content) :]
