"""Decisions that were written earlier, and the outcomes of their choices."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor.calibration import AGREEMENT, kind_of_calibration
from codeconductor.calibration.fitting import Judged
from codeconductor.pipeline.calibrating import Known
from codeconductor.pipeline.recorded.lines import Lines
from codeconductor.pipeline.recorded.values import OutcomeLine
from codeconductor.sandbox import scratch_folder
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

_DECISION = "as `conductor consensus --json` prints it"
_OUTCOME = '{"task_id": …, "model": …, "sample": 0, "passed": true}'


@frozen
class _Choice:
    model: str
    sample: int


@frozen(kw_only=True)
class _DecisionLine:
    """What is read of a line ``conductor.decision/1``."""

    task_id: str
    kind: str
    strategy: str | None
    agreement: float
    signals: dict[str, float]
    choice: _Choice | None


def read_known(decisions: Sequence[str], outcomes: Sequence[str]) -> Known:
    """Decisions with the outcomes of their choices.

    Args:
        decisions: Paths of files that `conductor consensus` wrote; each is a part of its own. ``-`` is standard input.
        outcomes: Paths of files of outcomes; the first line on an answer counts.

    Raises:
        InputError: A file cannot be read, or a line is malformed: names file and line.
    """
    chosen: list[tuple[str, _DecisionLine, _Choice]] = []
    without = 0
    with ExitStack() as exits:
        folder = exits.enter_context(scratch_folder("recorded"))
        for number, path in enumerate(decisions):
            lines = exits.enter_context(Lines(path, folder / f"decisions-{number}", _DecisionLine, form=_DECISION))
            for _, _, line in lines.read():
                if line.choice is None:
                    without += 1
                else:
                    chosen.append((path, line, line.choice))
        wanted = {(line.task_id, choice.model, choice.sample) for _, line, choice in chosen}
        passed: dict[tuple[str, str, int], bool] = {}
        for number, path in enumerate(outcomes):
            known = exits.enter_context(Lines(path, folder / f"outcomes-{number}", OutcomeLine, form=_OUTCOME))
            for _, _, outcome in known.read():
                answer = (outcome.task_id, outcome.model, outcome.sample)
                if answer in wanted:
                    passed.setdefault(answer, outcome.passed)
    judged = [
        Judged(
            task=line.task_id,
            part=path,
            strategy=line.strategy or "",
            kind=kind_of_calibration(line.kind),
            signals={**line.signals, AGREEMENT: line.agreement},
            right=passed[line.task_id, choice.model, choice.sample],
        )
        for path, line, choice in chosen
        if (line.task_id, choice.model, choice.sample) in passed
    ]
    source = ", ".join("standard input" if path == "-" else Path(path).name for path in decisions)
    return Known(judged=tuple(judged), source=source, unknown=len(chosen) - len(judged), without=without)
