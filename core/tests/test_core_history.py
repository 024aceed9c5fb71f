"""The history: written while a run goes on, by several at once, brought up to date, and read back."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor.converters import run_document
from codeconductor.errors import InputError
from codeconductor.events import Answered, RunStarted
from codeconductor.history import History, HistoryError, list_runs, load_run, schema
from codeconductor.history.schema import FILE, MIGRATIONS, connect
from codeconductor.pipeline import Run
from codeconductor.testing import a_model, a_task, an_answer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codeconductor import Answer, Model, Session

STARTED = datetime(2026, 1, 1, tzinfo=UTC)
MODELS = (a_model("one"), a_model("two"))
ANSWERS = (an_answer("First.", model=MODELS[0]), an_answer("Second.", model=MODELS[1]))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the history is."""
    place = tmp_path / "history"
    place.mkdir()
    return place


def a_run(minutes: int = 0, *, models: tuple[Model, ...] = MODELS, **fields: Any) -> Run:
    """A run that started so many minutes after the first."""
    return Run(started=STARTED + timedelta(minutes=minutes), models=models, task=a_task(), **fields)


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


# What is written


def test_a_run_is_read_back_as_it_was(folder: Path, session: Session) -> None:
    """The document of a finished run is the one that was printed."""
    run = record(folder, session, a_run())
    assert load_run(folder, run.id) == run_document(run)
    assert session.warnings == []


def test_half_a_character_in_the_name_of_a_model_costs_no_run(folder: Path, session: Session) -> None:
    """A server's or a recording's JSON may have it; the model keeps its name, and has an id that can be stored."""
    model = a_model("parrot-\ud83d")
    assert (model.name, model.id) == ("parrot-\ud83d", "acme/parrot-?")
    run = record(folder, session, a_run(models=(model,)), [an_answer("First.", model=model)])
    assert session.warnings == []
    assert load_run(folder, run.id)["answers"][0]["model"] == "acme/parrot-?"


def test_answers_stand_before_the_run_ends(folder: Path) -> None:
    """What arrived is there, though nobody says that the run has ended."""
    run = a_run()
    history = History(folder)
    history.listen(RunStarted(run))
    history.listen(Answered(ANSWERS[1]))
    history.close()
    (answer,) = load_run(folder, "last")["answers"]
    assert answer["text"] == "Second."
    (listed,) = list_runs(folder, 10)["runs"]
    assert (listed["id"], listed["status"]) == (run.id, "interrupted")


def test_answers_stand_in_the_order_of_models_and_samples(folder: Path, session: Session) -> None:
    """However they arrived."""
    arrived = [
        an_answer("d", model=MODELS[1], sample=1),
        an_answer("b", model=MODELS[0], sample=1),
        an_answer("c", model=MODELS[1], sample=0),
        an_answer("a", model=MODELS[0], sample=0),
    ]
    record(folder, session, a_run(), arrived)
    assert [answer["text"] for answer in load_run(folder, "last")["answers"]] == ["a", "b", "c", "d"]


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_the_files_are_their_owners_alone(folder: Path, session: Session) -> None:
    """Tasks and answers are nobody else's business: also those in the companions of the file."""
    folder = folder / "new" / "data"
    history = History(folder)
    history.listen(RunStarted(a_run()))
    history.conductor_run_finished(session, finished(a_run()))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    history.close()


@pytest.mark.skipif(sys.platform == "win32", reason="modes of POSIX")
def test_a_file_that_others_could_read_is_closed_to_them(folder: Path) -> None:
    """As one that was copied from elsewhere."""
    connect(folder).close()
    (folder / FILE).chmod(0o644)
    connect(folder).close()
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600


def test_readers_do_not_wait_for_writers(folder: Path) -> None:
    """The file is in WAL mode: a writer in the midst of a transaction stops no reader."""
    with closing(connect(folder)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        connection.execute("BEGIN IMMEDIATE")
        assert list_runs(folder, 10)["runs"] == []
        connection.execute("ROLLBACK")


# The schema


def test_an_older_file_is_brought_up_to_date(folder: Path, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its runs stay, and the version is the new one."""
    run = record(folder, session, a_run())
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, ("ALTER TABLE run ADD COLUMN colour TEXT",)))
    assert load_run(folder, "last")["id"] == run.id
    with closing(sqlite3.connect(folder / FILE)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        assert connection.execute("SELECT colour FROM run").fetchall() == [(None,)]


def test_a_migration_that_fails_changes_nothing(
    folder: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one transaction: the older release can still read the file."""
    run = record(folder, session, a_run())
    with monkeypatch.context() as patched:
        broken = ("ALTER TABLE run ADD COLUMN colour TEXT", "ALTER TABLE no_such_table ADD COLUMN colour TEXT")
        patched.setattr(schema, "MIGRATIONS", (*MIGRATIONS, broken))
        with pytest.raises(HistoryError, match="no_such_table"):
            connect(folder)
    assert load_run(folder, "last")["id"] == run.id
    with closing(sqlite3.connect(folder / FILE)) as connection:
        assert "colour" not in {row[1] for row in connection.execute("PRAGMA table_info(run)")}


def test_a_file_of_a_newer_release_is_refused(folder: Path, session: Session) -> None:
    """It is neither changed nor read wrongly; a run goes on with a warning."""
    connect(folder).close()
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(HistoryError, match=r"written by a newer release \(schema 99\)") as raised:
        list_runs(folder, 10)
    assert raised.value.exit_code == 2
    assert "upgrade" in (raised.value.hint or "")
    record(folder, session, a_run())
    assert "newer release" in session.warnings[0]


# Several at once


def test_two_threads_write_at_once(folder: Path, make_session: Any) -> None:
    """Each run is whole."""
    session = make_session()
    runs = [a_run(minutes) for minutes in range(8)]
    threads = [threading.Thread(target=record, args=(folder, session, run)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert session.warnings == []
    assert {listed["id"] for listed in list_runs(folder, 100)["runs"]} == {run.id for run in runs}
    for run in runs:
        assert load_run(folder, run.id) == run_document(finished(run))


_WRITER = """
import sys
from pathlib import Path
from codeconductor.events import Answered, RunStarted
from codeconductor.history import History
from codeconductor.pipeline import Run
from codeconductor.testing import a_model, a_task, an_answer

for _ in range(10):
    history = History(Path(sys.argv[1]))
    history.listen(RunStarted(Run(task=a_task(), models=(a_model(),))))
    history.listen(Answered(an_answer()))
    history.close()
"""


def test_two_processes_write_at_once(folder: Path) -> None:
    """One waits for the other, also when both make the file."""
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, str(folder)]) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    runs = list_runs(folder, 100)["runs"]
    assert len(runs) == 20
    for run in runs:
        assert len(load_run(folder, run["id"])["answers"]) == 1


# Reading


def test_runs_are_listed_newest_first(folder: Path, session: Session) -> None:
    """At most so many; those of one moment by their ids."""
    runs = [record(folder, session, a_run(minutes)) for minutes in (1, 0, 2)]
    listed = list_runs(folder, 10)
    assert list(listed) == ["schema", "runs"]
    assert [run["id"] for run in listed["runs"]] == [runs[2].id, runs[0].id, runs[1].id]
    assert [run["id"] for run in list_runs(folder, 1)["runs"]] == [runs[2].id]
    assert listed["runs"][0]["models"] == ["acme/one", "acme/two"]
    assert load_run(folder, "last")["id"] == runs[2].id


def test_a_unique_beginning_of_an_id_names_a_run(folder: Path, session: Session) -> None:
    """In either case of letters; one that several runs have is refused with their ids."""
    for name in ("01aaaa", "01aabb", "01b%_c"):
        record(folder, session, a_run(id=name))
    assert load_run(folder, "01aaa")["id"] == "01aaaa"
    assert load_run(folder, "01AAB")["id"] == "01aabb"
    with pytest.raises(InputError, match="01aaaa, 01aabb"):
        load_run(folder, "01aa")
    for unknown in ("zz", "%", "01_", ""):
        with pytest.raises(InputError, match="no run"):
            load_run(folder, unknown)


def test_an_empty_history_is_told_as_such(folder: Path) -> None:
    """Nothing is made by looking."""
    assert list_runs(folder, 10) == {"schema": "conductor.history/1", "runs": []}
    with pytest.raises(InputError, match="the history is empty"):
        load_run(folder, "last")
    assert list(folder.iterdir()) == []


def test_a_name_that_is_no_text_names_no_run(folder: Path, session: Session) -> None:
    """As bytes that are no UTF-8 come from the command line."""
    record(folder, session, a_run())
    with pytest.raises(InputError, match="no run"):
        load_run(folder, "\udcff")


def test_any_number_of_runs_may_be_listed(folder: Path, session: Session) -> None:
    """Also more than SQLite can count."""
    run = record(folder, session, a_run())
    assert [listed["id"] for listed in list_runs(folder, 10**23)["runs"]] == [run.id]
