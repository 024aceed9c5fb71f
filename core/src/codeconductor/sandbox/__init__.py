"""Runs what models wrote, where it can do no harm."""

from __future__ import annotations

from codeconductor.sandbox.values import Limits, Outcome, OutcomeKind, Strength

__all__ = ["Limits", "Outcome", "OutcomeKind", "Strength"]
