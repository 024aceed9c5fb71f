"""Errors as a client's model reads them: what they call options of the command line, under the names it can use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeconductor import ConductorError

_NAMED = (
    (r"say what is wanted: conductor .*", "say what is wanted in task"),
    (r"the path given with -c\b", "the path in context_paths"),
    (r"with -c FILE\b", "with context_paths"),
    (r"name one with --runner \([^)]*\), or (give tests with --tests)", r"\1"),
    (r"take another --runner, and (report)", r"\1"),
    (r"with --tests\b", "with tests"),
    (r"--strategy\b", "strategy"),
    (r"named with --model\b", "named in [run] models"),
    (r"take more --samples\b", "raise [run] samples"),
    (r"--min-confidence\b", "[run] min_confidence"),
    (r"--load-timeout\b", "[run] load_timeout"),
    (r"--timeout\b", "[run] timeout"),
    (r"--no-execute\b", "[run] execute = false"),
    (r"use --no-history\b", "set [history] enabled = false"),
)
"""Patterns in hints of core, and what stands there instead: an argument of a tool, or a setting."""


def told(exc: ConductorError) -> str:
    """An error with its hint."""
    hint = hint_of(exc)
    return exc.message if hint is None else f"{exc.message}\nHint: {hint}"


def hint_of(exc: ConductorError) -> str | None:
    """What to do about an error; None: nothing is known."""
    hint = exc.hint
    if hint is None:
        return None
    for pattern, named in _NAMED:
        hint = re.sub(pattern, named, hint)
    return hint
