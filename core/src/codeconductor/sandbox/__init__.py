"""Runs what models wrote, where it can do no harm."""

from __future__ import annotations

from codeconductor.sandbox.choice import find_sandbox, limits_for, may_execute, sandboxes, trial_of
from codeconductor.sandbox.command import REPORT, Ended, run_command
from codeconductor.sandbox.payload import Payload, Sandbox, inside_command, interpreter
from codeconductor.sandbox.pool import Pool
from codeconductor.sandbox.process import SandboxError
from codeconductor.sandbox.scratch import scratch_folder
from codeconductor.sandbox.trial import Trial
from codeconductor.sandbox.values import Limits, Outcome, OutcomeKind, Strength

__all__ = [
    "REPORT",
    "Ended",
    "Limits",
    "Outcome",
    "OutcomeKind",
    "Payload",
    "Pool",
    "Sandbox",
    "SandboxError",
    "Strength",
    "Trial",
    "find_sandbox",
    "inside_command",
    "interpreter",
    "limits_for",
    "may_execute",
    "run_command",
    "sandboxes",
    "scratch_folder",
    "trial_of",
]
