"""What every test runner promises, for a command that writes JUnit XML."""

from __future__ import annotations

from typing import Any

import codeconductor_runner_command
import pytest
from codeconductor.testing import RunnerContract

GOOD = "<testsuite><testcase name='good' file='run.sh'/></testsuite>"
BAD = "<testsuite><testcase name='bad'><failure message='no'/></testcase></testsuite>"


class TestCommand(RunnerContract):
    """The command runs a script of the folder."""

    @pytest.fixture
    def runner(self) -> Any:
        (runner,) = codeconductor_runner_command.conductor_test_runners()
        return runner

    @pytest.fixture
    def plugin(self) -> Any:
        return codeconductor_runner_command

    @pytest.fixture
    def settings(self) -> dict[str, Any]:
        return {"runners": {"command": {"argv": ["sh", "run.sh"], "junit": "out.xml"}}}

    @pytest.fixture
    def passing(self) -> dict[str, str]:
        return {"run.sh": f'echo "{GOOD}" > out.xml\n'}

    @pytest.fixture
    def failing(self) -> dict[str, str]:
        return {"run.sh": f'echo "{BAD}" > out.xml\nexit 1\n'}

    @pytest.fixture
    def ending(self) -> dict[str, str]:
        return {"run.sh": f'exit 0\necho "{BAD}" > out.xml\n'}
