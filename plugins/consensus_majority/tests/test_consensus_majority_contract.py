"""What every strategy promises, for each of the three."""

from __future__ import annotations

from typing import Any

import pytest
from codeconductor.testing import StrategyContract
from codeconductor_consensus_majority import conductor_consensus_strategies

STRATEGIES = {strategy.name: strategy for strategy in conductor_consensus_strategies()}


class TestMajority(StrategyContract):
    """Every model counts the same."""

    @pytest.fixture
    def strategy(self) -> Any:
        return STRATEGIES["majority"]


class TestWeighted(StrategyContract):
    """Every model counts as much as it weighs."""

    @pytest.fixture
    def strategy(self) -> Any:
        return STRATEGIES["weighted"]


class TestBest(StrategyContract):
    """One model decides alone."""

    @pytest.fixture
    def strategy(self) -> Any:
        return STRATEGIES["best"]


def test_the_package_brings_its_three_strategies() -> None:
    """`--strategy` finds them by these names."""
    assert sorted(STRATEGIES) == ["best", "majority", "weighted"]
