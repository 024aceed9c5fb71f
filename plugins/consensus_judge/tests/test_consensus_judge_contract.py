"""What every strategy promises, with and without a model to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing import StrategyContract, a_bench, a_task, an_answer
from codeconductor_consensus_judge import conductor_consensus_strategies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer

(JUDGE,) = conductor_consensus_strategies()


class TestJudge(StrategyContract):
    """Nobody can be asked."""

    @pytest.fixture
    def strategy(self) -> Any:
        return JUDGE


class TestJudgeThatAsks(TestJudge):
    """A model prefers what subtracts."""

    @pytest.fixture
    def bench(self, answers: Sequence[Answer], new_bench: Any) -> Any:
        def says(text: str) -> str:
            return '{"verdict": "A"}' if "- -b" in text.split("\nB:\n")[0] else '{"verdict": "B"}'

        return new_bench(weights=a_bench(answers).weights, says=says)


def test_auto_never_takes_it() -> None:
    """It costs two more questions."""
    answers = [an_answer("one"), an_answer("two", model="other")]
    assert JUDGE.suits(a_task(), answers, a_bench(answers)) is None  # type: ignore[attr-defined]
