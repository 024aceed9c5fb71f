"""The conformance kit lets pass what keeps the contract, and fails what breaks it, saying how to comply."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["pytester"]

PROVIDER = """
import pytest
from codeconductor import Chunk, Model, Problem, ProviderError, hookimpl
from codeconductor.testing import ProviderContract

class Provider:
    @hookimpl
    async def conductor_discover_models(self, session):
        return [Model(provider="acme", name="parrot", host="memory:")]

    @hookimpl
    def conductor_query_model(self, session, model, query):
        if model.provider == "acme":
            return self.parrot(query)

    async def parrot(self, query):
        yield Chunk(text=query.messages[-1].content)

class TestProvider(ProviderContract):
    @pytest.fixture
    def provider(self):
        return Provider()
"""

STRATEGY = """
import pytest
from codeconductor import Consensus
from codeconductor.testing import StrategyContract

class Longest:
    name = "longest"

    async def decide(self, task, answers, bench):
        best = max(answers, key=lambda answer: len(answer.text))
        return Consensus(outcome={"text": best.text}, agreement=1 / len(answers), choice=best)

class TestLongest(StrategyContract):
    @pytest.fixture
    def strategy(self):
        return Longest()
"""

RENDERER = """
import pytest
from codeconductor.testing import RendererContract

class Plain:
    name = "plain"

    def render(self, task, consensus, limits):
        return f"{task.text}\\n\\n{consensus.outcome.get('text', '')}"

class TestPlain(RendererContract):
    @pytest.fixture
    def renderer(self):
        return Plain()
"""


@pytest.fixture
def outcomes(pytester: pytest.Pytester) -> Callable[[str], pytest.RunResult]:
    """Runs a test file in a pytest of its own."""

    def run(source: str) -> pytest.RunResult:
        pytester.makepyfile(source)
        return pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider")

    return run


@pytest.mark.parametrize("source", [PROVIDER, STRATEGY, RENDERER], ids=["provider", "strategy", "renderer"])
def test_what_keeps_the_contract_passes(outcomes: Callable[[str], pytest.RunResult], source: str) -> None:
    """The examples of the hook reference pass the kit as they stand."""
    counts = outcomes(source).parseoutcomes()
    assert counts["passed"] >= 10
    assert counts.keys() <= {"passed", "skipped"}
