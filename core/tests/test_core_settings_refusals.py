"""A wrong setting is told with file, key, what was expected and the nearest name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import InputError, RunSettings, Session, hookimpl, hosts_setting
from codeconductor.converters import structure_table
from codeconductor.settings import SandboxSettings, data_folder, read_settings

if TYPE_CHECKING:
    from pathlib import Path

    from codeconductor.testing import MakeSession


@attrs.frozen
class AcmeSettings:
    hosts: tuple[str, ...] = hosts_setting(("http://127.0.0.1:1",))


class Acme:
    @hookimpl
    async def conductor_discover_models(self) -> list[object]:
        return []

    @hookimpl
    def conductor_settings(self) -> tuple[str, type]:
        return "acme", AcmeSettings


def run_settings(folder: Path, **layers: Any) -> RunSettings:
    settings = read_settings(folder, **layers)
    return structure_table(settings.table("run", RunSettings), "run", RunSettings)


def refused(folder: Path, **layers: Any) -> InputError:
    with pytest.raises(InputError) as caught:
        run_settings(folder, **layers)
    return caught.value


# Files


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[run]\ntimeout = \n", "line 2"),
        (b"[run\n", "line 1"),
        (b"[run]\ntimeout =", "at line 2, the end"),
        (b'[run]\nstrategy = """\nmajority\n', "at line 3, the end"),
        (b"[run]\nstrategy = 'caf\xe9'\n", "line 2: not UTF-8"),
        (b"run = 3\n", "expected a table, got 3"),
    ],
)
def test_a_broken_file_is_told_with_its_line(project_folder: Path, content: bytes, told: str) -> None:
    """Where to look, and what to do."""
    file = project_folder / "conductor.toml"
    file.write_bytes(content)
    error = refused(project_folder)
    assert str(file) in error.message
    assert told in error.message
    assert error.hint


@pytest.mark.parametrize(
    "content",
    [
        "x = " + "[" * 5000,
        "[run]\nseed = " + "9" * 5000,
        "[run]\nseed = -" + "9" * 400,
        "[sandbox]\nmemory = '9" + "9" * 400 + "'",
    ],
    ids=["deep", "long", "far", "large"],
)
def test_a_file_that_is_made_to_break_the_reader_is_refused_as_well(
    make_session: MakeSession, project_folder: Path, content: str
) -> None:
    """A cloned repository can hold anything."""
    (project_folder / "conductor.toml").write_text(content)
    with pytest.raises(InputError, match=r"conductor\.toml"):
        make_session()


def test_a_byte_order_mark_is_passed_over(project_folder: Path) -> None:
    """Editors of Windows begin a file with it."""
    (project_folder / "conductor.toml").write_bytes(b"\xef\xbb\xbf[run]\ntimeout = 7\n")
    assert run_settings(project_folder).timeout == 7.0


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ('strategy = "majority"', "write it under [run]"),
        ("load-timeout = 9", "write it under [run]"),
        ("run = 3", "write it as [run]"),
        ("colour = 1", "settings stand in tables, such as [run]"),
    ],
)
def test_a_setting_outside_of_every_table_is_refused(project_folder: Path, line: str, hint: str) -> None:
    """It would never count, whoever reads it."""
    (project_folder / "conductor.toml").write_text(line)
    error = refused(project_folder)
    assert "conductor.toml" in error.message
    assert error.hint == hint


def test_settings_of_pyproject_that_are_no_table_are_refused(project_folder: Path) -> None:
    """With how they are written there."""
    file = project_folder / "pyproject.toml"
    file.write_text("[tool]\nconductor = 4\n")
    error = refused(project_folder)
    assert error.message == f"{file}: tool.conductor: expected a table, got 4"
    assert error.hint == "write settings under tables such as [tool.conductor.run]"


def test_a_slip_in_a_table_is_an_error_and_a_stranger_a_warning(
    make_session: MakeSession, project_folder: Path
) -> None:
    """The settings of a plugin that is not installed must not stop anything."""
    file = project_folder / "conductor.toml"
    file.write_text("[runn]\ntimeout = 3\n")
    with pytest.raises(InputError, match=r"unknown table \[runn\]") as caught:
        make_session()
    assert caught.value.hint == "did you mean [run]?"
    file.write_text("[providers.parrots]\nvoice = 1\n[stranger]\nx = 1\n")
    warnings = make_session().warnings
    assert [warning for warning in warnings if "[providers.parrots] is not used" in warning]
    assert [warning for warning in warnings if "[stranger] is not used" in warning]


# Values


@pytest.mark.parametrize(
    ("line", "told", "hint"),
    [
        ("timeuot = 3", "unknown setting run.timeuot", "did you mean 'timeout'?"),
        ("xyzzy = 3", "unknown setting run.xyzzy", "known: "),
        ("timeout = '3'", "run.timeout: expected a number, got '3'", "correct run.timeout"),
        ("timeout = true", "run.timeout: expected a number, got True", "correct run.timeout"),
        ("timeout = 0", "run.timeout: expected a timeout above 0, got 0.0", "correct run.timeout"),
        ("timeout = nan", "run.timeout: expected a timeout above 0, got nan", "correct run.timeout"),
        ("timeout = inf", "run.timeout: expected a timeout above 0, got inf", "correct run.timeout"),
        ("load_timeout = -1", "got -1", "correct run.load_timeout"),
        ("seed = -1", "run.seed: expected 0 to 2000000000, got -1", "correct run.seed"),
        ("seed = 4294967295", "run.seed: expected 0 to 2000000000, got 4294967295", "correct run.seed"),
        ("samples = 0", "expected 1 or more, got 0", "correct run.samples"),
        ("samples = 1001", "run.samples: expected at most 1000, got 1001", "correct run.samples"),
        ("samples = 2.0", "run.samples: expected a whole number or 'auto', got 2.0", "correct run.samples"),
        ("quorum = true", "run.quorum: expected a whole number, got True", "correct run.quorum"),
        ("models = 'qwen*'", "run.models: expected a list, each text, got 'qwen*'", "correct run.models"),
        ("models = [1]", "run.models: expected a list, each text, got [1]", "correct run.models"),
        ("min_confidence = 1.5", "expected a number from 0 to 1, got 1.5", "correct run.min_confidence"),
        ("kind = 'poem'", "run.kind: expected 'auto' or 'function'", "correct run.kind"),
        ("execute = 1", "run.execute: expected true or false, got 1", "correct run.execute"),
    ],
)
def test_a_wrong_value_is_told_with_file_key_and_what_was_expected(
    project_folder: Path, line: str, told: str, hint: str
) -> None:
    """Nothing is coerced in a person's own file."""
    file = project_folder / "conductor.toml"
    file.write_text(f"[run]\n{line}\n")
    error = refused(project_folder)
    assert error.message.startswith(f"{file}: ")
    assert told in error.message
    assert hint in (error.hint or "")
    assert error.exit_code == 2


def test_an_environment_that_contradicts_itself_is_refused(project_folder: Path) -> None:
    """A value cannot be a table as well."""
    environ = {"CONDUCTOR_RUN__A": "1", "CONDUCTOR_RUN__A__B": "2"}
    assert "CONDUCTOR_RUN__A__B" in refused(project_folder, environ=environ).message


@pytest.mark.parametrize("line", ["processes = inf", "processes = 1" + "0" * 400])
def test_a_limit_beyond_all_measure_loosens(make_session: MakeSession, project_folder: Path, line: str) -> None:
    """An untrusted project's is ignored."""
    (project_folder / "conductor.toml").write_text(f"[sandbox]\n{line}\n")
    assert make_session().settings("sandbox", SandboxSettings) == SandboxSettings()


@pytest.mark.parametrize(
    "host",
    [
        *("localhost:1234", "ftp://a", "http://", "http://a:99999", "http://u:p@a", "http://a?q"),
        *("http://a b", "http://a b:80", "http://a<b", "http://...", "http://a..b", "http://*"),
    ],
)
def test_a_host_that_is_no_url_is_refused(make_session: MakeSession, host: str) -> None:
    """Its password, if it has one, is not repeated."""
    with pytest.raises(InputError) as caught:
        make_session({"acme": {"hosts": [host]}}, acme=Acme())
    assert "hosts" in caught.value.message
    assert caught.value.hint


def test_a_host_loses_its_last_slash(make_session: MakeSession) -> None:
    """So that two spellings are one host."""
    session = make_session({"acme": {"hosts": ["http://127.0.0.1:9/v1/ "]}}, acme=Acme())
    assert session.settings("acme", AcmeSettings).hosts == ("http://127.0.0.1:9/v1",)


# Folders


def test_a_folder_that_cannot_be_searched_has_no_project_file(project_folder: Path) -> None:
    """As where another user's folder lies above; here it is a name that is too long."""
    settings = read_settings(project_folder / ("x" * 300))
    assert settings.root == project_folder / ("x" * 300)
    assert settings.project_layer is None


def test_a_data_folder_of_nobody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """`~name` is the home folder of somebody who has to exist."""
    monkeypatch.setenv("CONDUCTOR_HOME", "~nobody-of-that-name/data")
    with pytest.raises(InputError, match="CONDUCTOR_HOME") as caught:
        data_folder()
    assert caught.value.hint


def test_a_current_folder_that_is_gone_is_told(project_folder: Path) -> None:
    """It was removed under somebody's feet."""
    project_folder.rmdir()
    with pytest.raises(InputError, match="current folder") as caught:
        Session.start()
    assert caught.value.hint
