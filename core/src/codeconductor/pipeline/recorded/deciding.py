"""Decides recorded tasks in their order, several at once: a strategy that waits for the sandbox leaves cores idle."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor.consensus import TrackRecord, collect_weights, decide, find_strategy, learn
from codeconductor.converters import decision_document
from codeconductor.discovery import discover, in_reach
from codeconductor.dispatch import Limits
from codeconductor.errors import ConductorError, PluginError
from codeconductor.pipeline.bench import SessionBench
from codeconductor.pipeline.recorded.values import recorded_model
from codeconductor.settings import RunSettings
from codeconductor.task import Project, Task

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codeconductor.discovery import Model
    from codeconductor.pipeline.recorded.recording import Recording
    from codeconductor.session import Session
    from codeconductor.task import TaskKind

_AT_ONCE = 2
"""Tasks a processor that are begun before the first one is decided: what one leaves of the sandbox, others use.

Deciding itself takes 2 to 50 ms a task in this process, a tenth of what running the candidates takes: no worker
processes of our own.
"""


async def decide_recorded(
    session: Session,
    recording: Recording,
    write: Callable[[dict[str, Any]], None],
    *,
    weights: Mapping[str, float] | None = None,
    limit: int | None = None,
) -> None:
    """Decide the tasks that are open, by the strategy of the session's table ``run``.

    Args:
        recording: Tasks, answers and outcomes.
        write: Given each document ``conductor.decision/1``, in the order of the tasks.
        weights: By model, taken as they are: nothing is learned from outcomes; None: they are learned.
        limit: Most tasks to decide; None: all.

    Raises:
        PluginError: The strategy that was asked for by name raised.
    """
    settings = session.settings("run", RunSettings)
    team = _Team(session, recording, settings, weights, await _models_for(session, settings.strategy))
    deciding: deque[asyncio.Task[dict[str, Any]]] = deque()
    try:
        for number, start in recording.index.open_tasks(limit):
            deciding.append(asyncio.create_task(team.decide(number, start)))
            if len(deciding) > _AT_ONCE * (os.cpu_count() or 1):
                write(await deciding.popleft())
        while deciding:
            write(await deciding.popleft())
    finally:
        for one in deciding:
            one.cancel()
        await asyncio.gather(*deciding, return_exceptions=True)


async def _models_for(session: Session, strategy: str) -> Sequence[Model]:
    """The models that a strategy can ask: none, and none are looked for, unless it says that it asks some."""
    named = find_strategy(session, strategy)
    if named is None or not getattr(named[1], "asks", False):
        return ()
    return in_reach((await discover(session)).models)


@attrs.define
class _Team:
    """What is the same for all tasks: the models, and what is known of them for each kind of task."""

    session: Session
    recording: Recording
    settings: RunSettings
    weights: Mapping[str, float] | None
    in_reach: Sequence[Model]
    project: Project = attrs.field(init=False)
    models: list[str] = attrs.field(init=False)
    records: dict[TaskKind, TrackRecord] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.project = Project(root=self.session.root)
        self.models = self.recording.index.models()

    async def decide(self, number: int, start: int) -> dict[str, Any]:
        """The decision on one task; what it makes impossible is its `error`."""
        line = self.recording.tasks.at(start)
        task = line.task(self.project)
        answers = self.recording.answers(number)
        if not answers:
            return decision_document(line.task_id, task.kind, None, "there are no answers to this task")
        if not any(answer.is_usable for answer in answers):
            return decision_document(line.task_id, task.kind, None, "no answer to this task is usable: all are empty")
        record = self._record(task.kind)
        bench = SessionBench(
            self.session,
            weights=self._weights(task, record),
            record=record,
            seed=self.settings.seed or 0,
            limits=Limits(timeout=self.settings.timeout, load_timeout=self.settings.load_timeout),
            models=self.in_reach,
        )
        try:
            consensus = await decide(self.session, task, answers, bench, strategy=self.settings.strategy)
        except PluginError:
            raise
        except ConductorError as exc:
            return decision_document(line.task_id, task.kind, None, exc.message)
        return decision_document(line.task_id, task.kind, consensus, least=self.settings.min_confidence)

    def _record(self, kind: TaskKind) -> TrackRecord:
        if self.weights is not None:
            return TrackRecord()
        if kind not in self.records:
            self.records[kind] = learn(self.recording.index.earlier(kind), self.models, kind)
        return self.records[kind]

    def _weights(self, task: Task, record: TrackRecord) -> dict[str, float]:
        if self.weights is not None:
            return {model: self.weights.get(model, 1.0) for model in self.models}
        if record.tasks:
            return dict(record.weights)
        return collect_weights(self.session, task, [recorded_model(model) for model in self.models], record)
