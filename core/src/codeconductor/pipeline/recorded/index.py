"""Where each task, answer and outcome of recorded files stands: in a temporary file, so that memory does not grow."""

from __future__ import annotations

import sqlite3
import zlib
from collections import defaultdict
from typing import TYPE_CHECKING, Self

from codeconductor.consensus import Earlier, Tally
from codeconductor.pipeline.recorded.values import recorded_model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from codeconductor.task import TaskKind

MATRIX = 1000
"""Earlier tasks that a rule is tried on; rates are learned from all."""

_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA cache_size = -32768;
    CREATE TABLE task (number INTEGER PRIMARY KEY, id BLOB UNIQUE, start INTEGER, decided INTEGER DEFAULT 0);
    CREATE TABLE answer (task INTEGER, model BLOB, sample INTEGER, start INTEGER, PRIMARY KEY (task, model, sample))
        WITHOUT ROWID;
    CREATE TABLE outcome (task BLOB, model BLOB, sample INTEGER, kind TEXT, passed INTEGER, place INTEGER,
        PRIMARY KEY (task, model, sample)) WITHOUT ROWID;
    CREATE VIEW share AS SELECT task, model, kind, place, avg(passed) AS passed FROM outcome GROUP BY task, model;
"""
_OF_KIND = "(? IS NULL OR kind IS NULL OR kind = ?)"


def _key(text: str) -> bytes:
    """A text as SQLite can hold it: half a character is no UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def _id(key: bytes) -> str:
    """The id of the recorded model whose name that is."""
    return recorded_model(key.decode("utf-8", "surrogatepass")).id


class Index:
    """The index of one set of recorded files; a context manager that closes it.

    Args:
        path: Of the file; it does not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript(_TABLES)
        self._db.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def add_task(self, task_id: str, start: int) -> bool:
        """Take in a task, in their order; false where there is one of that id."""
        return self._add("INSERT OR IGNORE INTO task (id, start) VALUES (?, ?)", _key(task_id), start)

    def has_task(self, task_id: str) -> bool:
        """Whether there is a task of that id."""
        return self._db.execute("SELECT 1 FROM task WHERE id = ?", (_key(task_id),)).fetchone() is not None

    def mark_decided(self, task_id: str) -> None:
        """Leave a task out of what is to be decided."""
        self._db.execute("UPDATE task SET decided = 1 WHERE id = ?", (_key(task_id),))

    def open_tasks(self, limit: int | None) -> Iterator[tuple[int, int]]:
        """(number, where it begins) of the tasks that are to be decided, in their order."""
        query = "SELECT number, start FROM task WHERE NOT decided AND number > ? ORDER BY number LIMIT 1"
        number, left = 0, limit
        while left != 0 and (row := self._db.execute(query, (number,)).fetchone()):
            yield row
            number = row[0]
            left = None if left is None else left - 1

    def count_open(self) -> int:
        """How many tasks are to be decided."""
        return int(self._db.execute("SELECT count(*) FROM task WHERE NOT decided").fetchone()[0])

    def add_answer(self, task_id: str, model: str, sample: int, start: int) -> bool:
        """Take in an answer; false where its task is not known, or has an answer of that model and sample."""
        return self._add(
            "INSERT OR IGNORE INTO answer SELECT number, ?, ?, ? FROM task WHERE id = ?",
            _key(model),
            sample,
            start,
            _key(task_id),
        )

    def answers(self, number: int) -> list[int]:
        """Where the answers to a task begin, by model and sample."""
        query = "SELECT start FROM answer WHERE task = ? ORDER BY model, sample"
        return [row[0] for row in self._db.execute(query, (number,))]

    def models(self) -> list[str]:
        """The ids of the models that answered, sorted."""
        return sorted({_id(row[0]) for row in self._db.execute("SELECT DISTINCT model FROM answer")})

    def add_outcome(self, task_id: str, model: str, sample: int, kind: str | None, *, passed: bool) -> bool:
        """Take in an outcome; false where there is one of that task, model and sample."""
        task = _key(task_id)  # its place is as good as drawn by chance, and the same every time
        return self._add(
            "INSERT OR IGNORE INTO outcome VALUES (?, ?, ?, ?, ?, ?)",
            *(task, _key(model), sample, kind, passed, zlib.crc32(task)),
        )

    def earlier(self, kind: TaskKind) -> Earlier:
        """The outcomes of earlier tasks, for a kind; several samples of a task are one outcome, by their share."""
        rows: dict[bytes, dict[str, float]] = defaultdict(dict)
        query = (
            f"SELECT task, model, passed FROM share WHERE {_OF_KIND} AND task IN (SELECT DISTINCT task FROM outcome"  # noqa: S608 - of constants
            f" WHERE {_OF_KIND} ORDER BY place, task LIMIT ?) ORDER BY place, task, model"
        )
        for task, model, passed in self._db.execute(query, (kind, kind, kind, kind, MATRIX)):
            rows[task][_id(model)] = passed
        return Earlier(
            tallies=self._tallies(kind), overall=self._tallies(None), matrix=tuple(dict(row) for row in rows.values())
        )

    def _tallies(self, kind: TaskKind | None) -> dict[str, Tally]:
        query = f"SELECT model, sum(passed), count(*) FROM share WHERE {_OF_KIND} GROUP BY model"  # noqa: S608 - of constants
        return {_id(model): Tally(passed, count) for model, passed, count in self._db.execute(query, (kind, kind))}

    def _add(self, query: str, *values: object) -> bool:
        return self._db.execute(query, values).rowcount > 0
