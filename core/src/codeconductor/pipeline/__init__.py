"""The whole flow: task ─▶ discovery ─▶ dispatch ─▶ consensus ─▶ prompt, and on to tested code, in one call each."""

from __future__ import annotations

from codeconductor.pipeline.building.values import Build, Plan, Round
from codeconductor.pipeline.given import decide_given
from codeconductor.pipeline.run import Run
from codeconductor.pipeline.stages import conduct, make_task

__all__ = ["Build", "Plan", "Round", "Run", "conduct", "decide_given", "make_task"]
