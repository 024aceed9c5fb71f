"""Reads past runs back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from codeconductor.errors import InputError
from codeconductor.history.schema import reading

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path


def list_runs(folder: Path, limit: int) -> dict[str, Any]:
    """The document ``conductor.history/1``: the newest `limit` runs, newest first."""
    rows = []
    with reading(folder) as connection:
        if connection is not None:
            rows = connection.execute(
                "SELECT id, command, started, seconds, task, strategy, confidence, models, status FROM run"
                " ORDER BY started DESC, id DESC LIMIT ?",
                (limit,),
            ).fetchall()
    names = ("id", "command", "started", "seconds", "task", "strategy", "confidence", "models", "status")
    runs = [dict(zip(names, row, strict=True)) for row in rows]
    for run in runs:
        run["models"] = json.loads(run["models"])
        run["status"] = _shown(run["status"])
    return {"schema": "conductor.history/1", "runs": runs}


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


def _named(connection: sqlite3.Connection, name: str) -> list[tuple[str, str]]:
    """(id, document) of the runs that a name may mean, at most three."""
    if name == "last":
        return connection.execute("SELECT id, document FROM run ORDER BY started DESC, id DESC LIMIT 1").fetchall()
    if not name or not name.isascii():  # as ids are; half a character could not even be looked for
        return []
    return connection.execute(
        "SELECT id, document FROM run WHERE substr(id, 1, ?) = ? ORDER BY id LIMIT 3", (len(name), name.lower())
    ).fetchall()
