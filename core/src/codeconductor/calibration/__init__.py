"""Dispatch ─▶ **calibration** ─▶ consensus: what turns a strategy's signals into the probability of being right.

A table of curves, fitted on decisions whose outcome is known: one that a strategy brings, and one of the user's own.
"""

from __future__ import annotations

from codeconductor.calibration.fitting import BETA, FEWEST, Judged, fit
from codeconductor.calibration.measures import Forecast, Quality, quality
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
    "BETA",
    "FEWEST",
    "FILE",
    "RECORD",
    "SHRINK",
    "Calibration",
    "Fitted",
    "Forecast",
    "Form",
    "Judged",
    "Kind",
    "Quality",
    "Table",
    "TableError",
    "Term",
    "TextFile",
    "confidence_of",
    "fit",
    "kind_of_calibration",
    "own_table",
    "quality",
    "read_table",
    "shipped_table",
    "table_document",
    "write_table",
]
