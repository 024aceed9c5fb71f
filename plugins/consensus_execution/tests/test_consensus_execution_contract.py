"""What every strategy promises, for each of the three, with and without a sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing import StrategyContract, a_bench, a_task, an_answer
from codeconductor_consensus_execution import conductor_consensus_strategies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer

STRATEGIES = {strategy.name: strategy for strategy in conductor_consensus_strategies()}


class TestExecution(StrategyContract):
    """Without a sandbox."""

    @pytest.fixture
    def strategy(self) -> Any:
        return STRATEGIES["execution"]


class TestExecutionThatRuns(TestExecution):
    """With one."""

    @pytest.fixture
    def bench(self, answers: Sequence[Answer], new_bench: Any) -> Any:
        return new_bench(weights=a_bench(answers).weights)


class TestCodeT(TestExecutionThatRuns):
    """CodeT's dual agreement."""

    @pytest.fixture
    def strategy(self) -> Any:
        return STRATEGIES["codet"]


class TestB4(TestExecutionThatRuns):
    """B4's posterior."""

    @pytest.fixture
    def strategy(self) -> Any:
        return STRATEGIES["b4"]


def test_the_package_brings_its_three_strategies() -> None:
    """`--strategy` finds them by these names."""
    assert sorted(STRATEGIES) == ["b4", "codet", "execution", "mbr"]


CODE = "```python\ndef add(a, b):\n    return a + b\n```"


@pytest.mark.parametrize(
    ("task", "text", "can_run", "fits"),
    [
        ({"entry_point": "add"}, CODE, True, True),
        ({}, CODE, True, True),
        ({}, CODE, False, False),
        ({"language": "rust"}, CODE, True, False),
        ({"kind": "question", "language": None}, CODE, True, False),
        ({"kind": "class"}, CODE, True, False),
        ({"kind": "class", "entry_point": "Solution().add"}, CODE, True, True),
        ({}, "plain words", True, False),
    ],
    ids=["entry", "guessed", "no-sandbox", "rust", "question", "class", "method", "no-code"],
)
def test_auto_takes_execution_where_something_can_be_called(
    task: dict[str, Any], text: str, can_run: bool, fits: bool, new_bench: Any
) -> None:
    """Different Python programs, a sandbox, and an entry point; the other two only by name."""
    answers = [an_answer(text), an_answer(text.replace("a + b", "b + a"), sample=1)]
    bench = new_bench() if can_run else a_bench(answers)
    suits = {name: strategy.suits(a_task(**task), answers, bench) for name, strategy in STRATEGIES.items()}  # type: ignore[attr-defined]
    assert (suits["execution"] is not None) is fits
    assert suits["codet"] is suits["b4"] is suits["mbr"] is None


def test_auto_runs_nothing_where_all_wrote_the_same(new_bench: Any) -> None:
    """There is nothing to find out, and the sandbox costs time."""
    answers = [an_answer(CODE), an_answer(CODE, sample=1)]
    assert STRATEGIES["execution"].suits(a_task(), answers, new_bench()) is None  # type: ignore[attr-defined]
