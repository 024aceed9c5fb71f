"""The history's SQLite file: how it is opened, made and brought up to date."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from codeconductor.errors import InputError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

FILE = "history.db"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE run (id TEXT PRIMARY KEY, command TEXT NOT NULL, started TEXT NOT NULL, seconds REAL,"
        " task TEXT NOT NULL, strategy TEXT, confidence REAL, models TEXT NOT NULL, status TEXT NOT NULL,"
        " document TEXT NOT NULL)",
        "CREATE INDEX run_by_start ON run (started DESC, id DESC)",
        "CREATE TABLE answer (run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE, model TEXT NOT NULL,"
        " sample INTEGER NOT NULL, error TEXT, seconds REAL, document TEXT NOT NULL,"
        " PRIMARY KEY (run_id, model, sample))",
    ),
    (
        "CREATE TABLE outcome (run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE, model TEXT NOT NULL,"
        " sample INTEGER NOT NULL, source TEXT NOT NULL, passed INTEGER NOT NULL, told TEXT NOT NULL,"
        " PRIMARY KEY (run_id, model, sample, source))",
    ),
    (
        "CREATE TABLE build (run_id TEXT PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE, outcome TEXT,"
        " document TEXT NOT NULL)",
        "CREATE TABLE written (run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE, round INTEGER NOT NULL,"
        " coder TEXT NOT NULL, model TEXT, kind TEXT NOT NULL, language TEXT, passed INTEGER NOT NULL,"
        " told TEXT NOT NULL, PRIMARY KEY (run_id, round))",
    ),
)
"""SQL steps by schema version: step N leads from version N to N + 1, in one transaction with the new number."""

_BUSY = 10.0
"""Seconds to wait for another conductor's write."""


class HistoryError(InputError):
    """The history cannot be read or written."""


def connect(folder: Path) -> sqlite3.Connection:
    """Open the history in `folder`, with the current schema; the file is readable by its owner alone.

    Raises:
        HistoryError: The file cannot be opened, is damaged, or was written by a newer release.
    """
    import sqlite3

    path = folder / FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():  # made before SQLite makes it, so that its two companions get the same mode
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        elif path.stat().st_mode & 0o077:
            with suppress(PermissionError):  # it is somebody else's
                path.chmod(0o600)
        connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
        try:
            _log_writes(connection)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
    except sqlite3.DatabaseError as exc:
        raise HistoryError(f"the history {path} cannot be used: {exc}", hint=remedy(exc)) from exc
    except OSError as exc:
        raise HistoryError(
            f"the history {path} cannot be used: {exc.strerror}",
            hint="make the folder writable, move it with CONDUCTOR_HOME, or use --no-history",
        ) from exc
    return connection


def _log_writes(connection: sqlite3.Connection) -> None:
    """Put the file into WAL mode; a network file system refuses, and goes on without it."""
    import sqlite3

    end = time.monotonic() + _BUSY
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:  # at once, and not after `_BUSY`, where another one does the same
            if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(0.01)
        else:
            return


def remedy(exc: Exception) -> str:
    """What to do about a failure of SQLite or of the file system, told by its words."""
    words = str(exc)
    if "locked" in words or "busy" in words:
        return "another program holds the file open; try again"
    if "full" in words or "I/O" in words:
        return "free some disk space, move the folder with CONDUCTOR_HOME, or use --no-history"
    if isinstance(exc, json.JSONDecodeError) or "malformed" in words or "not a database" in words:
        return "the file is damaged: move it away, and a new one is made"
    return "make the file writable, move the folder with CONDUCTOR_HOME, or use --no-history"


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == len(MIGRATIONS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)  # another conductor may have been faster
        if version > len(MIGRATIONS):
            raise HistoryError(
                f"the history {path} was written by a newer release (schema {version})",
                hint="upgrade conductor, or move the folder with CONDUCTOR_HOME",
            )
        for step in MIGRATIONS[version:]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def writing(folder: Path) -> Iterator[sqlite3.Connection]:
    """The history to write.

    Raises:
        HistoryError: It cannot be opened or written.
    """
    import sqlite3

    with closing(connect(folder)) as connection:
        try:
            yield connection
        except sqlite3.DatabaseError as exc:
            raise HistoryError(f"the history {folder / FILE} cannot be written: {exc}", hint=remedy(exc)) from exc


@contextmanager
def reading(folder: Path) -> Iterator[sqlite3.Connection | None]:
    """The history to read, also where it may not be written; None where there is none.

    Raises:
        HistoryError: The file cannot be opened or is damaged, which may show only while it is read; or there can be
            none where it should be.
    """
    import sqlite3

    path = folder / FILE
    try:
        path.stat()
    except FileNotFoundError:
        yield None
        return
    except OSError as exc:  # the folder is a file, may not be searched, or has a name that is too long
        raise HistoryError(
            f"the history {path} cannot be read: {exc.strerror}",
            hint="make its folder readable, or move it with CONDUCTOR_HOME",
        ) from exc
    try:
        with closing(_connect_to_read(folder)) as connection:
            yield connection if _version(connection) else None  # none has been begun where the disk was full at once
    except (sqlite3.DatabaseError, json.JSONDecodeError) as exc:
        raise HistoryError(f"the history {path} cannot be read: {exc}", hint=remedy(exc)) from exc


def _connect_to_read(folder: Path) -> sqlite3.Connection:
    import sqlite3

    unwritable = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL}
    try:
        return connect(folder)
    except HistoryError as exc:
        code = getattr(exc.__cause__, "sqlite_errorcode", sqlite3.SQLITE_OK)
        if code & 0xFF not in unwritable:  # above that byte stand the details
            raise
    uri = f"{(folder / FILE).absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(f"{uri}&readonly_shm=1", uri=True)
    try:  # SQLite writes beside what it reads, but for this, which reads what a kill left in the log of writes as well
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1")
    except sqlite3.OperationalError:  # it needs the log's two files, which cannot be made in a folder to be read alone
        connection.close()
        return sqlite3.connect(f"{uri}&immutable=1", uri=True)
    return connection
