"""What every coder promises, for a program on the command line."""

from __future__ import annotations

import sys
from typing import Any

import pytest
from codeconductor.testing import CoderContract
from codeconductor_coder_command._coder import CommandCoder
from codeconductor_coder_command._settings import CommandSettings

APPENDS = "import sys; open('calc.py', 'a', encoding='utf-8').write('# ' + sys.argv[1])"


class TestProgram(CoderContract):
    """One that is given the prompt as an argument and as a file."""

    @pytest.fixture
    def coder(self) -> Any:
        argv = (sys.executable, "-c", APPENDS, "{prompt_file}")
        return CommandCoder(name="scribe", settings=CommandSettings(argv=argv))

    @pytest.fixture
    def unable(self) -> Any:
        return CommandCoder(name="scribe", settings=CommandSettings(argv=("no-such-program",)))


class TestArgument(TestProgram):
    """One that is given the prompt itself as an argument, which may hold no NUL."""

    @pytest.fixture
    def coder(self) -> Any:
        argv = (sys.executable, "-c", APPENDS, "{prompt}")
        return CommandCoder(name="scribe", settings=CommandSettings(argv=argv))

    @pytest.fixture
    def unable(self) -> Any:
        argv = (sys.executable, "-c", "raise SystemExit(3)")
        return CommandCoder(name="scribe", settings=CommandSettings(argv=argv))
