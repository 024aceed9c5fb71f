"""A file of decisions that grows by a line a task: what stands in it is decided, whenever the work was broken off."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from codeconductor.errors import InputError
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BEGINNING = b'{"schema": "conductor.decision/1"'


def as_line(document: Mapping[str, Any]) -> str:
    """A document as one line; in ASCII, as half a character is no UTF-8, and U+2028 ends a line for some readers."""
    return json.dumps(document, allow_nan=False) + "\n"


@frozen
class DecisionFile:
    """The file of `-o`.

    Attributes:
        path: As it was given.
    """

    path: str

    def decided(self) -> Iterator[str]:
        """The ids of the tasks that stand in it; what a kill left of a last line is cut off.

        Raises:
            InputError: It holds something else, or cannot be read; it is left as it is.
        """
        path = Path(self.path)
        if not path.exists():
            return
        try:
            with path.open("rb") as file:
                kept = 0
                for number, line in enumerate(file, 1):
                    if not line.endswith(b"\n") and (line.startswith(_BEGINNING) or _BEGINNING.startswith(line)):
                        break
                    yield self._task_of(line, number)
                    kept += len(line)
            os.truncate(path, kept)
        except OSError as exc:
            raise InputError(f"cannot read {self.path!r}: {exc.strerror}", hint="give another file with -o") from exc

    def _task_of(self, line: bytes, number: int) -> str:
        try:
            document = json.loads(line)
            if document["schema"] == "conductor.decision/1" and isinstance(document["task_id"], str):
                return str(document["task_id"])
        except (ValueError, KeyError, TypeError, RecursionError):
            pass
        raise InputError(
            f"{self.path}, line {number}: this is no decision, so nothing is added to the file",
            hint="give a new file with -o, or one that this command has written",
        )

    def open(self) -> IO[bytes]:
        """Open it for further lines.

        Raises:
            InputError: It cannot be written.
        """
        try:
            return Path(self.path).open("ab", buffering=0)
        except OSError as exc:
            raise InputError(f"cannot write {self.path!r}: {exc.strerror}", hint="give another file with -o") from exc
