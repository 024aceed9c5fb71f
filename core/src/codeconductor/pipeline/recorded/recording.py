"""Opens recorded files: every line of theirs is checked before anything is decided."""

from __future__ import annotations

import json
import math
import sqlite3
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from codeconductor.consensus import find_strategy
from codeconductor.errors import InputError
from codeconductor.pipeline.recorded.index import Index
from codeconductor.pipeline.recorded.lines import Lines
from codeconductor.pipeline.recorded.values import AnswerLine, OutcomeLine, TaskLine
from codeconductor.sandbox import scratch_folder
from codeconductor.settings import RunSettings
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from codeconductor.dispatch import Answer
    from codeconductor.session import Session

_TASK = '{"task_id": …, "prompt": …}'
_ANSWER = '{"task_id": …, "model": …, "sample": 0, "answer": …}'
_OUTCOME = '{"task_id": …, "model": …, "sample": 0, "passed": true}'


@frozen(kw_only=True)
class Recording:
    """Recorded tasks and answers, and known outcomes of other tasks.

    Attributes:
        index: Where they stand.
        tasks: The lines of TASKS.
        lines: The lines of ANSWERS.
    """

    index: Index
    tasks: Lines[TaskLine]
    lines: Lines[AnswerLine]

    def answers(self, number: int) -> list[Answer]:
        """The answers to a task, by model and sample."""
        return [self.lines.at(start).read() for start in self.index.answers(number)]


@contextmanager
def open_recording(
    session: Session, answers: str, tasks: str, outcomes: str | None, decided: Iterable[str] = ()
) -> Iterator[Recording]:
    """Read the files once; their index lies in a temporary folder while the context lasts.

    Args:
        answers: Path of ANSWERS; ``-`` is standard input.
        tasks: Path of TASKS.
        outcomes: Path of the known outcomes; None: there are none.
        decided: Ids of tasks that are not to be decided again.

    Raises:
        InputError: There is no strategy of the name that the settings have; a file cannot be read, or a line is
            malformed: names file and line.
    """
    find_strategy(session, session.settings("run", RunSettings).strategy)  # before reading takes a while
    with ExitStack() as exits:
        try:
            folder = exits.enter_context(scratch_folder("recorded"))
            index = exits.enter_context(Index(folder / "index.db"))
            asked = exits.enter_context(Lines(tasks, folder / "tasks", TaskLine, form=_TASK))
            said = exits.enter_context(Lines(answers, folder / "answers", AnswerLine, form=_ANSWER))
            _index_tasks(index, asked)
            for task_id in decided:
                index.mark_decided(task_id)
            _index_answers(session, index, said)
            if outcomes is not None:
                with Lines(outcomes, folder / "outcomes", OutcomeLine, form=_OUTCOME) as known:
                    _index_outcomes(session, index, known)
        except sqlite3.Error as exc:
            raise InputError(
                f"the recorded files cannot be indexed: {exc}",
                hint="free some space, or name a roomier folder for temporary files with TMPDIR",
            ) from exc
        yield Recording(index=index, tasks=asked, lines=said)


def _index_tasks(index: Index, tasks: Lines[TaskLine]) -> None:
    for number, start, line in tasks.read():
        if not index.add_task(line.task_id, start):
            raise tasks.refused(number, f"there are two tasks {line.task_id!r}")


def _index_answers(session: Session, index: Index, answers: Lines[AnswerLine]) -> None:
    unknown, twice = _Passed(), _Passed()
    for number, start, line in answers.read():
        if not index.add_answer(line.task_id, line.model, line.sample, start):
            (twice if index.has_task(line.task_id) else unknown).add(number)
    if unknown.count:
        session.warn(f"{answers.path}: {unknown}: of a task that is not known")
    if twice.count:
        session.warn(f"{answers.path}: {twice}: its task has an answer of that model and sample, and the first counts")


def _index_outcomes(session: Session, index: Index, outcomes: Lines[OutcomeLine]) -> None:
    own, twice = _Passed(), _Passed()
    for number, _, line in outcomes.read():
        if index.has_task(line.task_id):
            own.add(number)
        elif not index.add_outcome(line.task_id, line.model, line.sample, line.kind, passed=line.passed):
            twice.add(number)
    if own.count:
        session.warn(f"{outcomes.path}: {own}: of a task that is to be decided, and only others are learned from")
    if twice.count:
        session.warn(f"{outcomes.path}: {twice}: of an answer whose outcome stood there before, and the first counts")


@attrs.define
class _Passed:
    """Lines that are passed over: how many, and the first one."""

    count: int = 0
    first: int = 0

    def add(self, number: int) -> None:
        self.count += 1
        self.first = self.first or number

    def __str__(self) -> str:
        more = f" and {self.count - 1} more" if self.count > 1 else ""
        return f"line {self.first}{more} passed over"


def read_weights(path: str) -> dict[str, float]:
    """Weights by model, from a file with one JSON object.

    Raises:
        InputError: It cannot be read, or is something else.
    """
    try:
        given = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as exc:
        raise InputError(f"cannot read {path!r}: {exc.strerror}", hint="check the path") from exc
    except (ValueError, RecursionError) as exc:
        raise InputError(f"{path}: not JSON: {exc}", hint='weights are a JSON object: {"model": 1.0}') from exc
    if not isinstance(given, dict):
        raise InputError(f"{path}: expected a JSON object", hint='weights are given as {"model": 1.0}')
    for model, weight in given.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not (is_number and weight >= 0 and math.isfinite(weight)):
            raise InputError(
                f"{path}: the weight of {model!r} is {weight!r}", hint="a weight is a number that is not negative"
            )
    return {model: float(weight) for model, weight in given.items()}
