"""What every test runner promises, for go, as far as it can be told without running Go.

Each run compiles Go's library anew, in a folder of its own, which takes minutes; its reports are tested as recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor.testing import RunnerContract
from codeconductor_runner_go import conductor_test_runners

if TYPE_CHECKING:
    from pathlib import Path

MODULE = {"go.mod": "module example.org/a\n\ngo 1.18\n"}
START = 'package a\n\nimport "testing"\n\n'


class TestGo(RunnerContract):
    """On a module with nothing but tests."""

    @pytest.fixture
    def runner(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setenv("PATH", str(tmp_path))
        (runner,) = conductor_test_runners()
        return runner

    @pytest.fixture
    def passing(self) -> dict[str, str]:
        return {**MODULE, "good_test.go": START + "func TestGood(t *testing.T) {}\n"}

    @pytest.fixture
    def failing(self) -> dict[str, str]:
        return {**MODULE, "bad_test.go": START + 'func TestBad(t *testing.T) { t.Error("bad") }\n'}
