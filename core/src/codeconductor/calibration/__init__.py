"""Dispatch ─▶ **calibration** ─▶ consensus: what turns a strategy's signals into the probability of being right.

A table of curves, fitted on decisions whose outcome is known: one that a strategy brings, and one of the user's own.
How curves are fitted and measured stands in `fitting` and `measures`, which no run needs.
"""

from __future__ import annotations

from codeconductor.calibration.tables import (
    FILE,
    Fitted,
    Table,
    TableError,
    TextFile,
    own_table,
    read_table,
    shipped_table,
    table_document,
    write_table,
)
from codeconductor.calibration.values import (
    AGREEMENT,
    RECORD,
    SHRINK,
    Calibration,
    Form,
    Kind,
    Term,
    confidence_of,
    kind_of_calibration,
)

__all__ = [
    "AGREEMENT",
    "FILE",
    "RECORD",
    "SHRINK",
    "Calibration",
    "Fitted",
    "Form",
    "Kind",
    "Table",
    "TableError",
    "Term",
    "TextFile",
    "confidence_of",
    "kind_of_calibration",
    "own_table",
    "read_table",
    "shipped_table",
    "table_document",
    "write_table",
]
