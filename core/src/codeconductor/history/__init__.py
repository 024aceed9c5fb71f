"""Every run with all of its answers in one SQLite file, written as they arrive; a built-in plugin.

A kill at any moment leaves what has arrived. Trouble with the file never stops a run: it is a warning, and the run is
appended to a file of JSON lines beside it, which the next run takes in.
"""

from __future__ import annotations

from codeconductor.history.reading import known_outcomes, list_runs, load_document, load_run, tell_outcome
from codeconductor.history.recorder import History
from codeconductor.history.schema import HistoryError

__all__ = ["History", "HistoryError", "known_outcomes", "list_runs", "load_document", "load_run", "tell_outcome"]
