"""A run: everything that is known of one pass through the pipeline, kept as it grows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import attrs

from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from codeconductor.consensus import Consensus
    from codeconductor.discovery import Model, Problem
    from codeconductor.dispatch import Answer
    from codeconductor.errors import ConductorError
    from codeconductor.prompting import Prompt
    from codeconductor.task import Task


def new_id() -> str:
    """A ULID in lower case: ids sort by time."""
    from ulid import ULID

    return str(ULID()).lower()


@frozen(kw_only=True)
class Run:
    """One pass through the pipeline.

    Attributes:
        id: A ULID in lower case.
        command: The command that it was started by.
        started: When, in UTC.
        seconds: From the start of discovery to the finished prompt; None while it goes on.
        task: What the models are asked.
        models: Those that are asked, in the order of asking.
        problems: Hosts and plugins that could not be asked.
        answers: In the order of `models` and samples, failed ones too.
        consensus: None where none was reached.
        prompt: None where none was written.
        warnings: What is worth a person's attention.
        status: ``"running"`` until it ends.
        error: What stopped it; None when nothing did.
    """

    task: Task
    id: str = attrs.field(factory=new_id)
    command: str = "run"
    started: datetime = attrs.field(factory=lambda: datetime.now(UTC))
    seconds: float | None = None
    models: tuple[Model, ...] = ()
    problems: tuple[Problem, ...] = ()
    answers: tuple[Answer, ...] = ()
    consensus: Consensus | None = None
    prompt: Prompt | None = None
    warnings: tuple[str, ...] = ()
    status: Literal["running", "finished", "interrupted", "failed"] = "running"
    error: ConductorError | None = None
