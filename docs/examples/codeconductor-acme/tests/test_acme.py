"""The example keeps to what CodeConductor relies on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import codeconductor_acme
import pytest
from click.testing import CliRunner
from codeconductor.testing import ProviderContract, StrategyContract, a_bench, a_task, an_answer
from codeconductor_acme import Longest
from codeconductor_acme.cli import acme

if TYPE_CHECKING:
    from types import ModuleType


class TestParrot(ProviderContract):
    """The provider keeps every promise of the hook reference."""

    @pytest.fixture
    def provider(self) -> ModuleType:
        return codeconductor_acme


class TestLongest(StrategyContract):
    """The strategy keeps every promise of the protocol."""

    @pytest.fixture
    def strategy(self) -> Longest:
        return Longest()


def test_the_longest_answer_is_chosen() -> None:
    """Whatever the order of the answers."""
    short, long = an_answer("Four.", model="one"), an_answer("It is four, as anybody knows.", model="two")
    consensus = asyncio.run(Longest().decide(a_task(), [short, long], a_bench([short, long])))
    assert consensus.choice is long
    assert consensus.agreement == 0.5


def test_the_command_repeats_its_words() -> None:
    """As the model does."""
    assert CliRunner().invoke(acme, ["polly", "wants"]).output == "polly wants\n"
