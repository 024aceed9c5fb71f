"""Prompt ─▶ **coder** ─▶ verification: the copy that a coder works in."""

from __future__ import annotations

from codeconductor.handover.copying import Copied, copy_folder, largest_copy

__all__ = ["Copied", "copy_folder", "largest_copy"]
