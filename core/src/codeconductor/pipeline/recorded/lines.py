"""A file of JSON lines, plain or gzip, of any size: read once from the beginning to the end, then line by line."""

from __future__ import annotations

import gzip
import json
import shutil
import sys
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Generic, Self, TypeVar

from codeconductor.converters import structure_line
from codeconductor.errors import InputError

if TYPE_CHECKING:
    import io
    from collections.abc import Iterator
    from types import TracebackType

T = TypeVar("T")

_GZIP = b"\x1f\x8b"
_SPACE = "free some space, or name a roomier folder for temporary files with TMPDIR"


class Lines(Generic[T]):
    """A file of JSON lines; a context manager that closes it.

    Args:
        path: Of the file; ``-`` is standard input.
        spool: File for the text of what cannot be read at any place: gzip, a pipe.
        cls: The attrs class of a line.
        form: What a line looks like, for the hint of an error.

    Raises:
        InputError: The file cannot be read, or its gzip is damaged.
    """

    def __init__(self, path: str, spool: Path, cls: type[T], *, form: str) -> None:
        self.path = path
        self._cls = cls
        self._form = form
        try:
            self._file = self._opened(spool)
        except OSError as exc:
            raise InputError(
                f"cannot read {path!r}: {exc.strerror or exc}", hint=f"check the path, or {_SPACE}"
            ) from exc

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self) -> Iterator[tuple[int, int, T]]:
        """(Number of the line from 1, where it begins in bytes, what it says) of every line that is not blank.

        Raises:
            InputError: A line is not as it should be; names file and line.
        """
        start = 0
        self._file.seek(0)
        for number, line in enumerate(self._file, 1):
            if line.strip():
                yield number, start, self._structured(line, number)
            start += len(line)

    def at(self, start: int) -> T:
        """What the line says that begins there."""
        self._file.seek(start)
        return self._structured(self._file.readline(), None)

    def refused(self, number: int | None, fault: object) -> InputError:
        """An error that names file and line."""
        line = "" if number is None else f", line {number}"
        return InputError(f"{self.path}{line}: {fault}", hint=f"each line is a JSON object: {self._form}")

    def _structured(self, line: bytes, number: int | None) -> T:
        try:
            return structure_line(json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8")), self._cls)
        except json.JSONDecodeError as exc:
            raise self.refused(number, f"not JSON: {exc.msg} at column {exc.colno}") from exc
        except UnicodeDecodeError as exc:
            raise self.refused(number, "not UTF-8") from exc
        except RecursionError as exc:
            raise self.refused(number, "nested too deep") from exc
        except ValueError as exc:
            raise self.refused(number, exc) from exc

    def _opened(self, spool: Path) -> IO[bytes]:
        if self.path == "-":
            return self._spooled(sys.stdin.buffer, spool)  # type: ignore[arg-type]  # it is a buffered reader
        source = Path(self.path).open("rb")  # noqa: SIM115 - closed with these lines, or below
        if source.seekable() and source.peek(2)[:2] != _GZIP:
            return source
        with source:
            return self._spooled(source, spool)

    def _spooled(self, source: io.BufferedReader, spool: Path) -> IO[bytes]:
        file = spool.open("w+b")
        try:
            unpacked = gzip.GzipFile(fileobj=source) if source.peek(2)[:2] == _GZIP else source
            shutil.copyfileobj(unpacked, file, 2**20)
        except (EOFError, gzip.BadGzipFile, zlib.error) as exc:
            file.seek(0)
            number = 1 + sum(1 for line in file if line.endswith(b"\n"))
            file.close()
            raise InputError(
                f"{self.path}, line {number}: the gzip file is damaged or ends too early", hint="fetch or make it again"
            ) from exc
        except BaseException:
            file.close()
            raise
        return file
