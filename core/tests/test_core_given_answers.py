"""A decision between answers that somebody has already."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Consensus, InputError, decide_given, hookimpl
from codeconductor.errors import NoAnswerError
from codeconductor.testing import a_task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Bench, Task
    from codeconductor.testing import MakeSession


class Longest:
    """A strategy that keeps what it was given."""

    name = "longest"

    def __init__(self) -> None:
        self.weights: dict[str, float] = {}

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        self.weights = dict(bench.weights)
        best = max(answers, key=lambda answer: len(answer.text))
        return Consensus(outcome={"text": best.text}, agreement=1.0, choice=best)

    @hookimpl
    def conductor_consensus_strategies(self) -> list[Any]:
        return [self]


def test_each_given_answer_is_that_of_a_model_of_its_own(make_session: MakeSession) -> None:
    """They are numbered in their order, weigh the same, and an empty one keeps its number and does not count."""
    strategy = Longest()
    session = make_session({"run": {"strategy": "longest"}}, acme=strategy)
    decided = asyncio.run(decide_given(session, a_task(), ["a", " ", "ccc"]))
    assert decided.choice is not None
    assert (decided.choice.model.id, decided.choice.text) == ("answer 3", "ccc")
    assert strategy.weights == {"answer 1": 1.0, "answer 2": 1.0, "answer 3": 1.0}


@pytest.mark.parametrize(
    ("strategy", "texts", "error"),
    [("longest", [], InputError), ("longest", ["", " "], NoAnswerError), ("nonsense", ["a"], InputError)],
)
def test_what_cannot_be_decided_is_refused(
    make_session: MakeSession, strategy: str, texts: list[str], error: type[Exception]
) -> None:
    """No answer, none that is usable, and a strategy that does not exist."""
    session = make_session({"run": {"strategy": strategy}}, acme=Longest())
    with pytest.raises(error):
        asyncio.run(decide_given(session, a_task(), texts))
