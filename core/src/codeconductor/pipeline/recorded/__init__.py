"""Recorded tasks and answers ─▶ consensus: the same decisions as in a live run, over files of any size."""

from __future__ import annotations

from codeconductor.pipeline.recorded.deciding import decide_recorded
from codeconductor.pipeline.recorded.decisions import DecisionFile, as_line
from codeconductor.pipeline.recorded.judging import read_known
from codeconductor.pipeline.recorded.recording import Recording, open_recording, read_weights

__all__ = ["DecisionFile", "Recording", "as_line", "decide_recorded", "open_recording", "read_known", "read_weights"]
