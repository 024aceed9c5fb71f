"""The whole flow: task ─▶ discovery ─▶ dispatch ─▶ consensus ─▶ prompt, from words to a prompt in one call."""

from __future__ import annotations

from codeconductor.pipeline.run import Run
from codeconductor.pipeline.stages import conduct, make_task

__all__ = ["Run", "conduct", "make_task"]
