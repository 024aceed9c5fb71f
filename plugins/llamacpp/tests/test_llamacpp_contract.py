"""What every provider promises, with the real embedded model behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import codeconductor_llamacpp
import pytest
from codeconductor.testing import ProviderContract
from codeconductor.testing.values import a_query

if TYPE_CHECKING:
    from codeconductor import Query


class TestLlamaCpp(ProviderContract):
    """It has no host that could be dead, and its first answer waits for a start."""

    @pytest.fixture
    def provider(self) -> Any:
        return codeconductor_llamacpp

    @pytest.fixture
    def query(self) -> Query:
        return a_query(max_tokens=8)
