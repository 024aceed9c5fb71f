"""Reads past runs back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from codeconductor.errors import InputError
from codeconductor.history.builds import load_build
from codeconductor.history.schema import reading, writing

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


_COLUMNS = ("id", "command", "started", "seconds", "task", "strategy", "confidence", "models", "status")

_DETAIL = "CASE WHEN json_valid(document) THEN json_extract(document, '$.consensus.{}') END AS {}"

_MOST = 2**63 - 1
"""The largest number that SQLite has."""

_OUTCOME = "(SELECT passed FROM outcome WHERE run_id = run.id ORDER BY told DESC, rowid DESC LIMIT 1) AS outcome"
"""What was told last of a run."""


def list_runs(folder: Path, limit: int) -> dict[str, Any]:
    """The document ``conductor.history/1``: the newest `limit` runs, newest first."""
    rows: list[tuple[Any, ...]] = []
    details = [_DETAIL.format(name, name) for name in ("agreement", "calibrated")]
    with reading(folder) as connection:
        if connection is not None:
            outcome = _OUTCOME if _has_outcomes(connection) else "NULL AS outcome"
            rows = connection.execute(
                f"SELECT {', '.join((*_COLUMNS, *details, outcome))} FROM run ORDER BY started DESC, id DESC LIMIT ?",  # noqa: S608 - made of literals
                (min(limit, _MOST),),
            ).fetchall()
    runs = [dict(zip((*_COLUMNS, "agreement", "calibrated", "outcome"), row, strict=True)) for row in rows]
    for run in runs:
        run["models"] = json.loads(run["models"])
        run["status"] = _shown(run["status"])
        run["calibrated"] = None if run["calibrated"] is None else bool(run["calibrated"])
        run["outcome"] = None if run["outcome"] is None else "passed" if run["outcome"] else "failed"
    return {"schema": "conductor.history/1", "runs": runs}


def _has_outcomes(connection: sqlite3.Connection) -> bool:
    """Whether the file knows outcomes: one of an earlier release that may not be written does not."""
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'outcome'").fetchone())


def known_outcomes(folder: Path) -> list[tuple[dict[str, Any], bool]]:
    """The documents of the runs whose choice is known to be right or wrong, without their answers, oldest first."""
    with reading(folder) as connection:
        if connection is None or not _has_outcomes(connection):
            return []
        rows = connection.execute(
            f"SELECT document, {_OUTCOME} FROM run WHERE outcome IS NOT NULL ORDER BY started, id"  # noqa: S608
        ).fetchall()
        return [(json.loads(document), bool(passed)) for document, passed in rows]


def tell_outcome(folder: Path, name: str, *, passed: bool, source: str = "person") -> str:
    """Note whether a run's choice is right; what was said by the same source before is replaced.

    Args:
        folder: Where the history is.
        name: Of the run, as for `load_run`.
        passed: Whether it is right.
        source: Who says it.

    Returns:
        The run's id.

    Raises:
        InputError: There is no such run, or it chose nothing.
        HistoryError: The file cannot be written.
    """
    document = load_run(folder, name)
    run_id: str = document["id"]
    choice = (document["consensus"] or {}).get("choice")
    if choice is None:
        raise InputError(
            f"run {run_id} chose no answer, so there is none to be right", hint="`conductor history` lists the runs"
        )
    told = datetime.now(UTC).isoformat()
    with writing(folder) as connection:
        connection.execute(
            "INSERT OR REPLACE INTO outcome (run_id, model, sample, source, passed, told) VALUES (?, ?, ?, ?, ?, ?)",
            (run_id, choice["model"], choice["sample"], source, passed, told),
        )
    return run_id


def _shown(status: str) -> str:
    """A run that was killed could not say so: it still stands as running."""
    return "interrupted" if status == "running" else status


def load_run(folder: Path, name: str) -> dict[str, Any]:
    """The stored document of one run.

    Args:
        folder: Where the history is.
        name: An id, a unique beginning of one, or ``"last"``.

    Raises:
        InputError: There is no such run, or several.
    """
    with reading(folder) as connection:
        if connection is None:
            raise InputError(f"no run {name!r}: the history is empty", hint='start one: conductor "Write a function …"')
        rows = _named(connection, name)
        if not rows:
            raise InputError(f"no run {name!r}", hint="`conductor history` lists the runs")
        if len(rows) > 1:
            ids = ", ".join(row[0] for row in rows[:2])
            raise InputError(f"{name!r} is the beginning of several runs: {ids} …", hint="give more of the id")
        run_id, text = rows[0]
        document: dict[str, Any] = json.loads(text)
        rows = connection.execute("SELECT document FROM answer WHERE run_id = ?", (run_id,)).fetchall()
        answers = [json.loads(row[0]) for row in rows]
    order = {model: position for position, model in enumerate(document["models"])}
    document["answers"] = sorted(
        answers,
        key=lambda answer: (order.get(answer["model"], len(order)), answer["sample"]),
    )
    return document


def load_document(folder: Path, name: str) -> dict[str, Any]:
    """What `conductor show` shows: the stored document of a build where the run belongs to one, else that of the run.

    Raises:
        InputError: There is no such run, or several.
    """
    run = load_run(folder, name)
    with reading(folder) as connection:
        build = None if connection is None else load_build(connection, run["id"])
    if build is None:
        return run
    if build["run"] is not None:
        build["run"] = {key: value for key, value in run.items() if key != "schema"}
    return build


def _named(connection: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    """(id, document) of the runs that a name may mean, at most three."""
    if name == "last":
        return connection.execute("SELECT id, document FROM run ORDER BY started DESC, id DESC LIMIT 1").fetchall()
    if not name or not name.isascii():  # as ids are; half a character could not even be looked for
        return []
    return connection.execute(
        "SELECT id, document FROM run WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 3", (len(name), name.lower())
    ).fetchall()
