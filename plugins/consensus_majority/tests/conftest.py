"""Deciding without a session: a strategy, answers, weights, and out comes a consensus."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing import a_bench, a_task, make_session, project_folder
from codeconductor_consensus_majority._strategies import Best, Majority, Weighted
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from codeconductor import Answer, Consensus, ConsensusStrategy

__all__ = ["decide", "make_session", "project_folder"]  # fixtures

# no test may depend on the machine's speed
settings.register_profile("consensus_majority", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("consensus_majority")

STRATEGIES: dict[str, ConsensusStrategy] = {"majority": Majority(), "weighted": Weighted(), "best": Best()}


@pytest.fixture(scope="session")
def decide() -> Callable[..., Consensus]:
    """Let a strategy decide; what is not named is a field of the task."""

    def decided(
        answers: Sequence[Answer], strategy: str = "majority", weights: dict[str, float] | None = None, **task: Any
    ) -> Consensus:
        bench = a_bench(answers, weights=weights)
        return asyncio.run(STRATEGIES[strategy].decide(a_task(**task), answers, bench))

    return decided
