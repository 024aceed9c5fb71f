"""The history in trouble: what cannot be written is kept beside it and taken in later, and what can be read is."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import attrs
import pytest
from codeconductor.converters import run_document
from codeconductor.events import Answered, RunStarted
from codeconductor.history import History, HistoryError, list_runs, load_run, schema
from codeconductor.history.recorder import SPILL
from codeconductor.history.schema import FILE, connect
from codeconductor.pipeline import Run
from codeconductor.testing import a_model, a_task, an_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from codeconductor import Answer, Session

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
MODELS = (a_model("one"), a_model("two"))
ANSWERS = (an_answer("First.", model=MODELS[0]), an_answer("Second.", model=MODELS[1]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the history is."""
    place = tmp_path / "history"
    place.mkdir()
    return place


def a_run(minutes: int = 0) -> Run:
    """A run that started so many minutes after the first."""
    return Run(started=STARTED + timedelta(minutes=minutes), models=MODELS, task=a_task())


def finished(run: Run, answers: Sequence[Answer] = ANSWERS) -> Run:
    """The run at its end."""
    return attrs.evolve(run, answers=tuple(answers), status="finished", seconds=1.5)


def record(folder: Path, session: Session, run: Run, answers: Sequence[Answer] = ANSWERS) -> Run:
    """Record a run from its start to its end; gives it as it ended."""
    history = History(folder)
    history.listen(RunStarted(run))
    for answer in answers:
        history.listen(Answered(answer))
    ended = finished(run, answers)
    history.conductor_run_finished(session, ended)
    history.close()
    return ended


# What cannot be written


def test_a_file_in_the_place_of_the_folder_is_a_warning(folder: Path, session: Session) -> None:
    """The run goes on, and its owner is told that it is not kept."""
    folder.rmdir()
    folder.write_text("not a folder", encoding="utf-8")
    record(folder, session, a_run())
    (warning,) = session.warnings
    assert warning.startswith("the run is not in the history: ")
    assert "CONDUCTOR_HOME" in warning
    assert folder.read_text(encoding="utf-8") == "not a folder"


def test_a_run_that_could_not_be_written_is_taken_in_by_the_next(folder: Path, session: Session) -> None:
    """It waits in a file of JSON lines, for its owner's eyes alone, and is not lost."""
    (folder / FILE).mkdir()
    lost = record(folder, session, a_run())
    (warning,) = session.warnings
    assert f"it is kept in {folder / SPILL} until" in warning
    if os.name == "posix":
        assert stat.S_IMODE((folder / SPILL).stat().st_mode) == 0o600
    (folder / FILE).rmdir()
    later = record(folder, session, a_run(1))
    assert [run["id"] for run in list_runs(folder, 10)["runs"]] == [later.id, lost.id]
    assert load_run(folder, lost.id) == run_document(lost)
    assert [path.name for path in folder.iterdir() if path.name.startswith("history-unsaved")] == []


def test_what_a_killed_conductor_was_taking_in_is_taken_in(folder: Path, session: Session) -> None:
    """The file that it had moved away is found again."""
    lost = finished(a_run())
    line = json.dumps({"status": "finished", "command": "run", "document": run_document(lost)})
    (folder / "history-unsaved.4711-1.taking").write_text(line + "\n", encoding="utf-8")
    record(folder, session, a_run(1))
    assert load_run(folder, lost.id) == run_document(lost)
    assert not list(folder.glob("*.taking"))


def test_lines_that_were_cut_do_not_stop_the_others(folder: Path, session: Session) -> None:
    """A full disk cuts the last line; a stranger may have written anything."""
    lost = finished(a_run())
    entry = {"status": "finished", "command": "run", "document": run_document(lost)}
    nameless = {**entry, "document": {**run_document(lost), "started": None}}
    lines = [json.dumps(entry)[:80], "null", json.dumps(nameless), json.dumps(entry), '{"status": "fin']
    (folder / SPILL).write_text("\n".join(lines), encoding="utf-8")
    later = record(folder, session, a_run(1))
    assert session.warnings == []
    assert [run["id"] for run in list_runs(folder, 10)["runs"]] == [later.id, lost.id]


def test_a_run_is_kept_whole_after_a_line_that_was_cut(folder: Path, session: Session) -> None:
    """The disk had room again: what is written then does not continue the cut line."""
    (folder / SPILL).write_text('{"status": "fin', encoding="utf-8")
    (folder / FILE).mkdir()
    lost = record(folder, session, a_run())
    (folder / FILE).rmdir()
    record(folder, session, a_run(1))
    assert load_run(folder, lost.id) == run_document(lost)


@pytest.mark.parametrize("text", ["between\u2028lines\x85of others", "half a character: \ud83d"])
def test_any_character_of_an_answer_is_kept(folder: Path, session: Session, text: str) -> None:
    """At once, and by way of the file of what could not be written."""
    answers = (an_answer("See the data.", model=MODELS[0], data={"approach": text}),)
    written = record(folder, session, a_run(), answers)
    (folder / FILE).rename(folder / "away")
    (folder / FILE).mkdir()
    spilled = record(folder, session, a_run(1), answers)
    (folder / FILE).rmdir()
    (folder / "away").rename(folder / FILE)
    record(folder, session, a_run(2))
    for run in (written, spilled):
        assert load_run(folder, run.id)["answers"] == run_document(run)["answers"]


def test_a_file_that_stays_locked_is_waited_for_no_longer_with_every_answer(
    folder: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once when the run starts and once when it ends; the end writes all answers that there are."""
    connect(folder).close()
    waits: list[object] = []

    def remedy(exc: Exception) -> str:
        waits.append(exc)
        return "wait"

    monkeypatch.setattr(schema, "_BUSY", 0.0)
    monkeypatch.setattr("codeconductor.history.recorder.remedy", remedy)
    answers = tuple(an_answer("Again.", model=MODELS[0], sample=sample) for sample in range(8))
    with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        run = record(folder, session, a_run(), answers)
        other.execute("ROLLBACK")
    assert [str(exc) for exc in waits] == ["database is locked"] * 2
    record(folder, session, a_run(1))
    assert load_run(folder, run.id) == run_document(run)


def test_two_that_are_the_first_to_open_it_wait_for_each_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite refuses the change to its log of writes at once, and waits for nobody."""
    other = sqlite3.connect(folder / FILE, isolation_level=None)
    other.execute("CREATE TABLE theirs (x)")
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("codeconductor.history.schema.time.sleep", lambda _seconds: other.close())
    with closing(connect(folder)) as ours:
        assert ours.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_run_that_is_missed_at_first_is_whole_at_its_end(folder: Path, session: Session) -> None:
    """Trouble that passes leaves no warning: the end writes everything once more."""
    (folder / FILE).mkdir()
    run = a_run()
    history = History(folder)
    history.listen(RunStarted(run))
    history.listen(Answered(ANSWERS[0]))
    history._writer.submit(lambda: None).result()  # what was listened to has been tried
    (folder / FILE).rmdir()
    history.conductor_run_finished(session, finished(run))
    history.close()
    assert session.warnings == []
    assert load_run(folder, run.id) == run_document(finished(run))


# What can still be read


def test_a_damaged_file_is_told(folder: Path) -> None:
    """With what to do about it."""
    (folder / FILE).write_bytes(b"This is no database, whatever its name says. " * 100)
    with pytest.raises(HistoryError, match="not a database") as raised:
        load_run(folder, "last")
    assert "move it away" in (raised.value.hint or "")


def test_a_file_that_is_damaged_further_on_is_told_as_well(folder: Path, session: Session) -> None:
    """Its head is fine, so that it opens; what stands behind is not."""
    run = record(folder, session, a_run())
    with closing(connect(folder)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = bytearray((folder / FILE).read_bytes())
    pages[4096:] = b"\xff" * (len(pages) - 4096)
    (folder / FILE).write_bytes(pages)
    reads: tuple[Callable[[], object], ...] = (
        lambda: list_runs(folder, 10),
        lambda: load_run(folder, "last"),
        lambda: load_run(folder, run.id),
    )
    for read in reads:
        with pytest.raises(HistoryError, match="malformed") as raised:
            read()
        assert "move it away" in (raised.value.hint or "")


_READER = """
import resource, sys
from pathlib import Path
from codeconductor.history import list_runs, load_run

resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
print([run["id"] for run in list_runs(Path(sys.argv[1]), 10)["runs"]], load_run(Path(sys.argv[1]), "last")["id"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of files")
def test_what_was_recorded_is_readable_where_nothing_more_can_be_written(folder: Path, session: Session) -> None:
    """As on a full disk: SQLite wants to write also where it only reads."""
    run = record(folder, session, a_run())
    command = [sys.executable, "-c", _READER, str(folder)]
    reader = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (reader.stdout, reader.stderr) == (f"['{run.id}'] {run.id}\n", "")


_FULL = """
import resource, sys
from pathlib import Path
from codeconductor.history import HistoryError, list_runs
from codeconductor.history.schema import connect

resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192))
try:
    connect(Path(sys.argv[1]))
except HistoryError as exc:
    print(exc.message, exc.hint, list_runs(Path(sys.argv[1]), 10)["runs"], sep=chr(10))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of files")
def test_a_disk_that_is_full_from_the_beginning_is_told_as_that(folder: Path) -> None:
    """Not as what SQLite makes of it, and there are no runs yet."""
    command = [sys.executable, "-c", _FULL, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    message, hint, runs = done.stdout.splitlines()
    assert ("disk" in message, "rollback" in message) == (True, False)
    assert hint.startswith("free some disk space")
    assert runs == "[]"


_KILLED = """
import os, signal, sqlite3, sys

connection = sqlite3.connect(sys.argv[1])
connection.execute("UPDATE run SET task = 'the last words'")
connection.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on the size of files")
def test_what_a_kill_left_is_readable_where_nothing_more_can_be_written(folder: Path, session: Session) -> None:
    """It stands in SQLite's log of writes alone, which the next writer would take in."""
    record(folder, session, a_run())
    subprocess.run([sys.executable, "-c", _KILLED, str(folder / FILE)], check=False)
    assert (folder / f"{FILE}-wal").stat().st_size
    reader = _READER.replace('run["id"]', 'run["task"]')
    read = subprocess.run([sys.executable, "-c", reader, str(folder)], capture_output=True, text=True, check=False)
    assert (read.stdout.startswith("['the last words'] "), read.stderr) == (True, "")


@pytest.mark.skipif(sys.platform == "win32", reason="to Windows, what lies below a file is only missing")
@pytest.mark.parametrize("name", ["file", "file/below", "x" * 300], ids=["a file", "below a file", "too long"])
def test_a_folder_that_can_be_none_is_no_empty_history(tmp_path: Path, name: str) -> None:
    """As when `CONDUCTOR_HOME` names a file: runs are not recorded there, and that is not told as having made none."""
    (tmp_path / "file").touch()
    with pytest.raises(HistoryError, match="cannot be read") as refused:
        list_runs(tmp_path / name, 10)
    assert "CONDUCTOR_HOME" in (refused.value.hint or "")
