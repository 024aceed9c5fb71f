"""What every coder promises, for a local model."""

from __future__ import annotations

from typing import Any

import pytest
from codeconductor.testing import CoderContract, a_bench, a_model
from codeconductor_coder_local._coder import LocalCoder

REPLY = "calc.py\n```python\ndef add(a, b):\n    return a + b\n```\n"


class TestLocal(CoderContract):
    """A model that says what it is told to."""

    @pytest.fixture
    def coder(self) -> Any:
        return LocalCoder()

    @pytest.fixture
    def unable(self) -> Any:
        return LocalCoder()

    @pytest.fixture
    def bench(self) -> Any:
        model = a_model()
        return a_bench(models=[model], replies={model.id: REPLY})
