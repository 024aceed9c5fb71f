"""What every coder promises, for a person."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor.testing import CoderContract
from codeconductor_coder_manual._coder import ManualCoder
from codeconductor_coder_manual._settings import ManualSettings

if TYPE_CHECKING:
    from pathlib import Path


@attrs.define
class Person:
    """A standard input at which somebody writes code, and then says so."""

    folder: Path

    def readline(self) -> str:
        """Enter, when it is written."""
        with (self.folder / "calc.py").open("a") as file:
            file.write("# by hand\n")
        return "\n"


class TestPerson(CoderContract):
    """One who is given the prompt as a file."""

    @pytest.fixture
    def coder(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setattr(sys, "stdin", Person(folder))
        return ManualCoder(ManualSettings(hand_over="file"))

    @pytest.fixture
    def unable(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        return ManualCoder(ManualSettings(hand_over="file"))
