"""What the loop of `build` is made of: its values, its folders, the steps, and what goes back to the coder."""

from __future__ import annotations

from codeconductor.pipeline.building.values import Build, Plan, Round

__all__ = ["Build", "Plan", "Round"]
