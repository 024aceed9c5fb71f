"""`conductor doctor` says of each sandbox what it is worth here, and whether candidates are run."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from codeconductor.cli.doctor import command
from codeconductor.sandbox import find_sandbox, trial_of
from codeconductor.sandbox.tiers import BUILTIN

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor import Session

    Said = Callable[..., str]


@pytest.fixture
def said(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """What doctor prints with these settings in the environment."""

    def said(**environment: str) -> str:
        monkeypatch.setenv("CONDUCTOR_PLUGINS__DISABLED", "ollama,lmstudio,openai_compatible,llamacpp,replay")
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        ended = CliRunner().invoke(command, [])
        assert ended.exit_code == 0, ended.output
        return ended.stdout

    return said


def test_each_sandbox_of_this_system_has_a_line(said: Said) -> None:
    lines = said().splitlines()
    for tier in BUILTIN:
        trial = trial_of(tier)
        if trial.name == ("landlock" if sys.platform == "darwin" else "seatbelt"):
            assert not any(f"sandbox {trial.name}:" in line for line in lines)
            continue
        (line,) = [line for line in lines if f"sandbox {trial.name}:" in line]
        if trial.sandbox is None:
            assert trial.reason in line
            assert trial.remedy in lines[lines.index(line) + 1]
        else:
            assert f": {trial.sandbox.strength}; left open: " in line


def test_where_bubblewrap_is_not_there_the_package_is_named(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("codeconductor.sandbox.choice._trials", {})  # as a new process begins
    output = said(PATH=str(tmp_path))
    assert "note  sandbox bubblewrap: does not work: the program bwrap is not installed" in output
    assert "install the package bubblewrap" in output


def test_it_says_in_what_candidates_are_run(said: Said, session: Session) -> None:
    found = find_sandbox(session)
    if found is None:
        pytest.skip("no sandbox works here")
    assert f"ok    candidates are run: in {found.name} ({found.strength})" in said()


def test_it_says_that_nothing_is_run(said: Said) -> None:
    assert "note  candidates are run: never: run.execute is false" in said(CONDUCTOR_RUN__EXECUTE="false")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere folders of temporary files have short names")
def test_a_folder_of_temporary_files_with_a_long_name_does_no_harm(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = [line for line in said().splitlines() if "landlock" in line]
    long = tmp_path / ("long" * 25)
    long.mkdir()
    monkeypatch.setattr("codeconductor.sandbox.choice._trials", {})
    monkeypatch.setattr("tempfile.tempdir", str(long))
    assert [line for line in said().splitlines() if "landlock" in line] == expected
    assert not list(long.iterdir())
