"""What every test runner promises, for node's own."""

from __future__ import annotations

from typing import Any

import pytest
from codeconductor.testing import RunnerContract
from codeconductor_runner_node import conductor_test_runners

START = "const test = require('node:test')\nconst assert = require('node:assert')\n"


class TestNode(RunnerContract):
    """On folders with nothing but tests."""

    @pytest.fixture
    def runner(self) -> Any:
        (runner,) = conductor_test_runners()
        return runner

    @pytest.fixture
    def passing(self) -> dict[str, str]:
        return {"package.json": "{}\n", "good.test.js": START + "test('good', () => {})\n"}

    @pytest.fixture
    def failing(self) -> dict[str, str]:
        return {"package.json": "{}\n", "bad.test.js": START + "test('bad', () => assert.equal(1, 2))\n"}

    @pytest.fixture
    def ending(self) -> dict[str, str]:
        text = "test('ends', () => process.reallyExit(0))\ntest('bad', () => assert.equal(1, 2))\n"
        return {"package.json": "{}\n", "ends.test.js": START + text}

    @pytest.fixture
    def alone(self) -> str:
        return "good.test.js"
