"""Between values and the outside: strict for the user's own files, lenient for servers, plain data for documents."""

from __future__ import annotations

from codeconductor.converters.documents import (
    answer_document,
    build_document,
    consensus_document,
    decision_document,
    model_document,
    models_document,
    run_document,
    to_plain,
    verification_document,
)
from codeconductor.converters.lines import structure_line
from codeconductor.converters.replies import from_reply
from codeconductor.converters.tables import expected, structure_table

__all__ = [
    "answer_document",
    "build_document",
    "consensus_document",
    "decision_document",
    "expected",
    "from_reply",
    "model_document",
    "models_document",
    "run_document",
    "structure_line",
    "structure_table",
    "to_plain",
    "verification_document",
]
