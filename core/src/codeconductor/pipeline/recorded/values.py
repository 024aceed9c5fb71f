"""What the lines of recorded files say, and the tasks and answers that they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

from codeconductor.discovery import Model
from codeconductor.dispatch import Answer, read_reply
from codeconductor.task import Example, Task, TaskKind, TaskStyle
from codeconductor.task.task import kind_of
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from codeconductor.task import Project

_LARGEST = 2**63 - 1


def _sample(_line: object, _field: object, value: int) -> None:
    if not 0 <= value <= _LARGEST:
        raise ValueError(f"'sample': expected a number from 0 on, got {value}")


@frozen(kw_only=True)
class TaskLine:
    """A line of TASKS.

    Attributes:
        task_id: Unique in the file.
        prompt: What the models were given.
        language: Of the code; None: Python where code is wanted.
        entry_point: As of `Task`; empty or None: a whole program.
        style: As of `Task`.
        kind: As of `Task`; None: told from the rest.
        functions: For a `call`: schemas of the functions that may be called.
        examples: That the task's author gave.
        tests: Source that asserts.
    """

    task_id: str
    prompt: str
    language: str | None = None
    entry_point: str | None = None
    style: TaskStyle | None = None
    kind: TaskKind | None = None
    functions: tuple[dict[str, Any], ...] | None = None
    examples: tuple[Example, ...] | None = None
    tests: str | None = None

    def task(self, project: Project) -> Task:
        """The task as a live run would have it."""
        kind = self.kind or self._told_kind()
        wants_code = kind not in ("question", "call")
        return Task(
            text=self.prompt,
            kind=kind,
            language=(self.language or "python").lower() if wants_code else self.language,
            project=project,
            entry_point=(self.entry_point or "") if wants_code else None,
            style=self.style,
            examples=self.examples or (),
            tests=self.tests or "",
            functions=self.functions or (),
        )

    def _told_kind(self) -> TaskKind:
        if self.functions:
            return "call"
        if self.style == "class":
            return "class"
        if self.entry_point or self.style or self.tests or self.examples or self.language:
            return "function"
        return kind_of(self.prompt)


@frozen(kw_only=True)
class AnswerLine:
    """A line of ANSWERS; `answer` is what the model said, unchanged."""

    task_id: str
    model: str
    sample: int = attrs.field(validator=_sample)
    answer: str

    def read(self) -> Answer:
        """The answer, taken apart as that of a live run."""
        reply = read_reply(self.answer)
        return Answer(
            model=recorded_model(self.model),
            sample=self.sample,
            text=reply.text,
            reasoning=reply.reasoning,
            data=reply.data,
            code=reply.code,
        )


@frozen(kw_only=True)
class OutcomeLine:
    """A line of the known outcomes; `kind` None: it is not said, and counts for every kind."""

    task_id: str
    model: str
    sample: int = attrs.field(validator=_sample)
    passed: bool
    kind: TaskKind | None = None


def recorded_model(name: str) -> Model:
    """A model that answered earlier; it has the name as recorded as its id, too."""
    return Model(provider="recorded", name=name, host="recorded:", id=name)
