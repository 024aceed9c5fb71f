"""What every test runner promises, for pytest."""

from __future__ import annotations

from typing import Any

import pytest
from codeconductor.testing import RunnerContract
from codeconductor_runner_pytest import conductor_test_runners


@pytest.mark.slow
class TestPytest(RunnerContract):
    """On folders with nothing but tests."""

    @pytest.fixture
    def runner(self) -> Any:
        (runner,) = conductor_test_runners()
        return runner

    @pytest.fixture
    def passing(self) -> dict[str, str]:
        return {"test_good.py": "def test_good():\n    assert True\n"}

    @pytest.fixture
    def failing(self) -> dict[str, str]:
        return {"test_bad.py": "def test_bad():\n    assert 1 == 2\n"}

    @pytest.fixture
    def ending(self) -> dict[str, str]:
        return {"test_ends.py": "import os\ndef test_ends():\n    os._exit(0)\ndef test_bad():\n    assert 1 == 2\n"}

    @pytest.fixture
    def alone(self) -> str:
        return "test_good.py"
