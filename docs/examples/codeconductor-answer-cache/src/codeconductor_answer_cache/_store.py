"""Answers on disk: one JSON file each, named by a hash of the question."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor import Chunk, data_folder, from_reply, to_plain

if TYPE_CHECKING:
    from codeconductor import Model, Query

_FORMAT = 1


class Store:
    """The kept answers of this user.

    Args:
        max_age: Seconds after which an answer does not count any more.
    """

    def __init__(self, *, max_age: float) -> None:
        self._folder = data_folder() / "answer-cache"
        self._max_age = max_age

    def entry(self, model: Model, query: Query) -> Path:
        """Where the answer to a question lies, if anywhere; every field of the query counts."""
        question = json.dumps([_FORMAT, model.id, model.host, to_plain(query)], sort_keys=True)
        name = hashlib.sha256(question.encode()).hexdigest()
        return self._folder / name[:2] / f"{name}.json"

    def read(self, entry: Path) -> Chunk | None:
        """The whole answer in one chunk; None: there is none, it is too old, or it cannot be read."""
        try:
            if time.time() - entry.stat().st_mtime > self._max_age:
                return None
            return from_reply(json.loads(entry.read_bytes()), Chunk)
        except (OSError, ValueError):
            return None

    def write(self, entry: Path, answer: Chunk) -> None:
        """Keep an answer; whoever reads at this moment sees the old one or the new one, never half of it.

        Raises:
            OSError: It cannot be written.
        """
        entry.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=entry.parent, prefix=".new-")  # readable by this user alone
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                json.dump(to_plain(answer), file)
            Path(name).replace(entry)
        except BaseException:
            Path(name).unlink()
            raise
