"""The command `conductor`: one file a command, each parses, calls one function of the pipeline and prints."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    from codeconductor.cli.entry import run_command_line

    sys.exit(run_command_line(sys.argv[1:]))
