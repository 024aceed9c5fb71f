"""Writes runs down while they happen, in a thread of its own."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor.converters import answer_document, build_document, run_document
from codeconductor.events import Answered, BuildChanged, Event, Recorded, RunStarted
from codeconductor.history.builds import insert_build
from codeconductor.history.schema import HistoryError, connect, remedy
from codeconductor.hookspecs import hookimpl

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from codeconductor.pipeline import Run
    from codeconductor.session import Session

SPILL = "history-unsaved.jsonl"
_TAKING = ".taking"


class History:
    """Records the runs of one invocation; a plugin object and a subscriber of events.

    One thread of its own does all the writing, so that a slow disk delays no answer. Documents are written in ASCII:
    half a character, which a model's JSON may hold, is no UTF-8.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="history")
        self._connection: sqlite3.Connection | None = None
        self._trouble: str | None = None
        self._open_runs: set[str] = set()
        self.listen = self.listener()

    def listener(self) -> Callable[[Event], None]:
        """A subscriber that takes in what is worth keeping of one run after the other; each at once needs its own."""
        run_id: str | None = None

        def listen(event: Event) -> None:
            nonlocal run_id
            if isinstance(event, RunStarted):
                run_id = event.run.id
                self._open_runs.add(run_id)
                document = run_document(event.run)
                self._writer.submit(self._safely, self._write_run, document, "running", event.run.command)
            elif isinstance(event, Answered) and run_id is not None and run_id in self._open_runs:
                self._writer.submit(self._safely, self._write_answer, run_id, answer_document(event.answer))
            elif isinstance(event, BuildChanged):
                document = build_document(event.build)
                over = event.build.outcome is not None
                written = self._writer.submit(self._safely, self._write_build, document)
                if over:
                    written.result()

        return listen

    @hookimpl
    def conductor_run_finished(self, session: Session, run: Run) -> None:
        """Write the whole of it down, with what plugins did wrong when they were told, and wait until that is done."""
        self._open_runs.discard(run.id)  # what models are asked from here on, as coders, are no answers of the run
        warnings = tuple(dict.fromkeys((*run.warnings, *session.warnings)))
        document = run_document(attrs.evolve(run, warnings=warnings))
        self._writer.submit(self._safely, self._finish, document, run.status, run.command).result()
        if self._trouble is not None:
            kept = self._spill(document, run.status, run.command)
            session.warn(f"the run is not in the history: {self._trouble}{kept}")
        else:
            session.events.emit(Recorded(run.id))

    def close(self) -> None:
        """Wait for what is still being written, and close the file."""
        self._writer.submit(self._safely, self._close).result()
        self._writer.shutdown()

    # In the writer's thread

    def _safely(self, write: Callable[..., None], *arguments: object) -> None:
        import sqlite3

        try:
            write(*arguments)
        except HistoryError as exc:
            self._trouble = f"{exc.message} ({exc.hint})"
        except (sqlite3.Error, OSError, ValueError) as exc:  # ValueError: half a character in a task
            self._trouble = f"{exc} ({remedy(exc)})"
            if self._connection is not None and self._connection.in_transaction:
                self._connection.rollback()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._folder)
            self._take_in_spilled(self._connection)
        return self._connection

    def _write_run(self, document: dict[str, Any], status: str, command: str) -> None:
        _insert_run(self._open(), document, status, command)

    def _write_answer(self, run_id: str, document: dict[str, Any]) -> None:
        if self._trouble is not None:  # each further attempt may wait as long; the end writes all answers once more
            return
        _insert_answers(self._open(), run_id, [document])

    def _write_build(self, document: dict[str, Any]) -> None:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        insert_build(connection, document)
        connection.execute("COMMIT")

    def _finish(self, document: dict[str, Any], status: str, command: str) -> None:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        _insert_run(connection, document, status, command)
        _insert_answers(connection, document["id"], document["answers"])
        connection.execute("COMMIT")
        self._trouble = None  # what was missed before is in now

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _spill(self, document: dict[str, Any], status: str, command: str) -> str:
        path = self._folder / SPILL
        line = json.dumps({"status": status, "command": command, "document": document})
        try:
            with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600), "a", encoding="utf-8") as file:
                file.write(f"\n{line}\n")  # a full disk may have cut the line before it
        except OSError:
            return ""
        return f"; it is kept in {path} until the history can be written"

    def _take_in_spilled(self, connection: sqlite3.Connection) -> None:
        path = self._folder / SPILL
        with suppress(FileNotFoundError):  # moved away first, so that what another conductor adds meanwhile is not lost
            path.rename(path.with_suffix(f".{os.getpid()}-{time.time_ns()}{_TAKING}"))
        for moved in self._folder.glob(f"{path.stem}.*{_TAKING}"):  # also what one that was killed left behind
            with suppress(FileNotFoundError):  # another one is done with it; taking in twice changes nothing
                for line in moved.read_text(encoding="utf-8", errors="replace").split("\n"):
                    _insert_spilled(connection, line)
                moved.unlink()


def _insert_spilled(connection: sqlite3.Connection, line: str) -> None:
    import sqlite3

    unfit = (ValueError, KeyError, TypeError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
    with suppress(*unfit):  # a line that was cut when the disk was full
        entry = json.loads(line)
        document = entry["document"]
        _insert_run(connection, document, entry["status"], entry["command"])
        _insert_answers(connection, document["id"], document["answers"])


def _insert_run(connection: sqlite3.Connection, document: dict[str, Any], status: str, command: str) -> None:
    consensus = document["consensus"] or {}
    without_answers = {**document, "answers": []}
    connection.execute(
        "INSERT INTO run (id, command, started, seconds, task, strategy, confidence, models, status, document)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET seconds = excluded.seconds, strategy = excluded.strategy,"
        " confidence = excluded.confidence, models = excluded.models, status = excluded.status,"
        " document = excluded.document",
        (
            document["id"],
            command,
            document["started"],
            document["seconds"],
            document["task"]["text"],
            consensus.get("strategy"),
            consensus.get("confidence"),
            json.dumps(document["models"]),
            status,
            json.dumps(without_answers),
        ),
    )


def _insert_answers(connection: sqlite3.Connection, run_id: str, answers: Iterable[dict[str, Any]]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO answer (run_id, model, sample, error, seconds, document) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (
                run_id,
                answer["model"],
                answer["sample"],
                answer["error"] and answer["error"]["kind"],
                answer["seconds"],
                json.dumps(answer),
            )
            for answer in answers
        ),
    )
