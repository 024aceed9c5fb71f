"""What every provider promises, with a recording of three samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import codeconductor_replay
import pytest
from codeconductor.testing import ProviderContract
from codeconductor.testing.values import a_query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor import Query


class TestReplay(ProviderContract):
    """It answers nothing but what was recorded, and has no host that could be dead."""

    @pytest.fixture
    def provider(self) -> Any:
        return codeconductor_replay

    @pytest.fixture
    def settings(self, write: Callable[..., Path]) -> dict[str, Any]:
        path = write(*({"sample": sample} for sample in range(3)))
        return {"providers": {"replay": {"recording": str(path)}}}

    @pytest.fixture
    def query(self) -> Query:
        return a_query("Add two numbers.")
