"""Values to test with: each valid as it stands, and every field can be given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from codeconductor.consensus import TrackRecord
from codeconductor.discovery import Model
from codeconductor.dispatch import Answer, Failure, Message, Query, read_reply
from codeconductor.task import Project, Task
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


T = TypeVar("T")


def a_model(name: str = "parrot", *, provider: str = "acme", host: str = "memory:", **fields: Any) -> Model:
    """A chat model; `fields` are those of `Model`."""
    return Model(provider=provider, name=name, host=host, **fields)


def a_query(text: str = "Write a function that adds two numbers.", **fields: Any) -> Query:
    """A query of one user message; `fields` are those of `Query`."""
    return Query(messages=fields.pop("messages", (Message("user", text),)), **fields)


def an_answer(
    text: str = "The answer is 4.", *, model: Model | str = "parrot", error: str | None = None, **fields: Any
) -> Answer:
    """An answer, its text taken apart as a reply is.

    Args:
        text: The reply as the model wrote it.
        model: The model, or its name.
        error: The kind of failure; None: there is none.
        fields: Further fields of `Answer`.
    """
    reply = read_reply(text)
    taken: dict[str, Any] = {
        "model": a_model(model) if isinstance(model, str) else model,
        "text": reply.text,
        "reasoning": reply.reasoning,
        "data": reply.data,
        "code": reply.code,
        "finish_reason": "stop",
        "error": None if error is None else Failure(kind=error, message=f"failed for the test: {error}"),
    }
    return Answer(**(taken | fields))


def a_task(text: str = "Write a function that adds two numbers.", **fields: Any) -> Task:
    """A task for a Python function in a project without facts; `fields` are those of `Task`."""
    return Task(text=text, project=fields.pop("project", Project(root=Path.cwd())), **fields)


@frozen
class ScriptedBench:
    """A bench whose models say what they were told to, and that runs no code.

    Attributes:
        weights: Weight by model id.
        record: As of `Bench`.
        seed: As of `Bench`.
        replies: What each model says when it is asked again, by id; others fail.
        asked: The ids of the models that were asked, in order.
        models: As of `Bench`.
        tables: Settings tables by name; others have their defaults.
    """

    weights: Mapping[str, float] = attrs.field(factory=dict)
    record: TrackRecord = attrs.field(factory=TrackRecord)
    seed: int = 0
    replies: Mapping[str, str] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)
    models: Sequence[Model] = ()
    tables: Mapping[str, Any] = attrs.field(factory=dict)

    @property
    def can_run(self) -> bool:
        """No code is run here."""
        return False

    def settings(self, name: str, cls: type[T]) -> T:
        """The table that the test gives, else one with the defaults."""
        table = self.tables.get(name)
        return table if isinstance(table, cls) else cls()

    async def ask(
        self, model: Model, messages: Sequence[Message], response_schema: Mapping[str, Any] | None = None
    ) -> Answer:
        """What the model was told to say."""
        self.asked.append(model.id)
        reply = self.replies.get(model.id)
        return an_answer(model=model, text="", error="refused") if reply is None else an_answer(reply, model=model)

    async def run(self, programs: Sequence[str], inputs: Sequence[Any], entry_point: str) -> Sequence[Sequence[Any]]:
        """Refused: look at `can_run` first."""
        raise RuntimeError("this bench runs no code: look at bench.can_run first")


def a_bench(
    answers: Sequence[Answer] = (), *, weights: Mapping[str, float] | None = None, **fields: Any
) -> ScriptedBench:
    """A bench for the models of these answers, each with the weight 1 unless `weights` says another."""
    ids = dict.fromkeys((answer.model.id for answer in answers), 1.0)
    return ScriptedBench(weights=ids | dict(weights or {}), **fields)
