"""The whole flow: task ─▶ discovery ─▶ dispatch ─▶ consensus ─▶ prompt, and on to tested code, in one call each."""

from __future__ import annotations

from codeconductor.pipeline.given import decide_given
from codeconductor.pipeline.run import Run
from codeconductor.pipeline.stages import ask, conduct, make_conversation, make_task

__all__ = ["Run", "ask", "conduct", "decide_given", "make_conversation", "make_task"]
