"""Builds in the history: their documents, and what came of the code that each model wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

_MEANING = {"passed": 1, "failed": 0}


def insert_build(connection: sqlite3.Connection, document: dict[str, Any]) -> None:
    """Write a build as far as it has come; its run is a row of its own, and not written twice."""
    run, build_id = document["run"], document["id"]
    if connection.execute("SELECT 1 FROM run WHERE id = ?", (build_id,)).fetchone() is None:
        return  # nothing was asked yet
    without_run = json.dumps({**document, "run": None if run is None else {}})
    connection.execute(
        "INSERT INTO build (run_id, outcome, document) VALUES (?, ?, ?)"
        " ON CONFLICT (run_id) DO UPDATE SET outcome = excluded.outcome, document = excluded.document",
        (build_id, document["outcome"], without_run),
    )
    if run is None:
        return
    status = "running" if document["outcome"] is None else "finished"
    connection.execute("UPDATE run SET status = ? WHERE id = ?", (status, build_id))
    told = datetime.now(UTC).isoformat()
    for one in document["rounds"]:
        if one["verification"] is not None:
            _insert_written(connection, document, one, told)
    if document["rounds"] and document["outcome"] in _MEANING:
        _tell_choice(connection, document, told)


def _insert_written(connection: sqlite3.Connection, document: dict[str, Any], one: dict[str, Any], told: str) -> None:
    task = document["run"]["task"]
    is_green = document["outcome"] == "passed" and one is document["rounds"][-1]
    connection.execute(
        "INSERT OR REPLACE INTO written (run_id, round, coder, model, kind, language, passed, told)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (document["id"], one["round"], document["coder"], one["model"], task["kind"], task["language"], is_green, told),
    )


def _tell_choice(connection: sqlite3.Connection, document: dict[str, Any], told: str) -> None:
    """Whether the chosen answer is right is known where its code is what the first round tested, word for word."""
    choice = (document["run"]["consensus"] or {}).get("choice")
    first = document["rounds"][0]
    if choice is None or first["verification"] is None or not first["chosen"]:
        return
    passed = document["outcome"] == "passed" and len(document["rounds"]) == 1
    connection.execute(
        "INSERT OR REPLACE INTO outcome (run_id, model, sample, source, passed, told) VALUES (?, ?, ?, ?, ?, ?)",
        (document["id"], choice["model"], choice["sample"], "tests", passed, told),
    )


def load_build(connection: sqlite3.Connection, run_id: str) -> dict[str, Any] | None:
    """The document of a build without its run; None: the run is no build, or the file is of an earlier release."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'build'").fetchone():
        return None
    row = connection.execute("SELECT document FROM build WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        return None
    document: dict[str, Any] = json.loads(row[0])
    return document
