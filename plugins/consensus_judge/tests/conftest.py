"""A judge that is a scripted server, and benches whose models are functions of what they are asked."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor.testing import ScriptedBench, a_model, a_task, an_answer, make_session, project_folder
from codeconductor_consensus_judge._judge import Judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from codeconductor import Answer, Consensus, Message, Model, Outcome

__all__ = ["make_session", "project_folder"]  # fixtures

JUDGE = a_model("judge", parameters=8_000_000_000)


@attrs.frozen
class AskedBench(ScriptedBench):
    """A bench with one judge in reach.

    Attributes:
        says: Its reply to the text of a question; None: it fails.
        questions: The messages of each question.
        outcomes: What each program does, by its source; without any, nothing can be run.
    """

    models: Sequence[Model] = (JUDGE,)
    says: Callable[[str], str | None] = lambda text: None
    questions: list[Sequence[Message]] = attrs.field(factory=list)
    outcomes: Mapping[str, Sequence[Outcome]] = attrs.field(factory=dict)

    @property
    def can_run(self) -> bool:
        """Whether the test says what programs do."""
        return bool(self.outcomes)

    async def ask(self, model: Model, messages: Sequence[Message], response_schema: Any = None) -> Answer:
        """Ask the function."""
        self.questions.append(messages)
        self.asked.append(model.id)
        reply = self.says(messages[-1].content)
        return an_answer(model=model, text="", error="timeout") if reply is None else an_answer(reply, model=model)

    async def run(self, programs: Sequence[str], inputs: Sequence[Any], entry_point: str) -> Sequence[Sequence[Any]]:
        """A row a program, as the test says."""
        return [self.outcomes[program][: len(inputs)] for program in programs]


@pytest.fixture(scope="session")
def new_bench() -> type[AskedBench]:
    """Make a bench with a judge."""
    return AskedBench


@pytest.fixture(scope="session")
def decide() -> Callable[..., Consensus]:
    """Let the judge decide; what is not named is a field of the task."""

    def decided(answers: Sequence[Answer], bench: ScriptedBench, **task: Any) -> Consensus:
        return asyncio.run(Judge().decide(a_task(**task), answers, bench))

    return decided
