"""The command `conductor`: one file a command, each parses, calls one function of the pipeline and prints."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn

from codeconductor.cli.signals import end_at_once

_COLLECT_EVERY = 100_000
"""New objects between two garbage collections: more than a run makes while it starts, and nearly all of those stay."""


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    end_at_once()
    gc.set_threshold(_COLLECT_EVERY)
    from codeconductor.cli.entry import run_command_line

    exit_code = run_command_line(sys.argv[1:])
    gc.freeze()  # the interpreter would walk all modules again and again while it ends; together 15 % of a run's CPU
    sys.exit(exit_code)
