"""Settings come from five layers, the strongest wins, and a wrong one is told with file, key and the nearest name."""

from __future__ import annotations

import json
import string
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import InputError, RunSettings, Session, hookimpl, hosts_setting, setting
from codeconductor.converters import structure_table
from codeconductor.settings import TABLES, HistorySettings, SandboxSettings, Text, data_folder, read_settings, trust
from codeconductor.settings.trusted import is_trusted
from codeconductor.testing import new_session
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor.testing import MakeSession


@attrs.frozen(kw_only=True)
class AcmeSettings:
    hosts: tuple[str, ...] = hosts_setting(("http://127.0.0.1:1",))
    voice: str = setting("loud")
    argv: tuple[str, ...] = setting(())


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


# Precedence


def test_the_stronger_layer_wins_value_by_value(project_folder: Path, tmp_path: Path) -> None:
    """Command line, environment, project, user, default: each layer counts only where no stronger one speaks."""
    user = tmp_path / "config.toml"
    user.write_text("[run]\ntimeout = 1\nsamples = 1\nquorum = 1\nseed = 1\n")
    (project_folder / "conductor.toml").write_text("[run]\ntimeout = 2\nsamples = 2\nquorum = 2\n")
    environ = {"CONDUCTOR_RUN__TIMEOUT": "3", "CONDUCTOR_RUN__SAMPLES": "3"}
    run = run_settings(project_folder, user_file=user, environ=environ, overrides={"run": {"timeout": 4.0}})
    assert (run.timeout, run.samples, run.quorum, run.seed, run.load_timeout) == (4.0, 3, 2, 1, 120.0)


def test_the_project_is_found_from_its_folders(project_folder: Path) -> None:
    """The file may stand in a parent; `[tool.conductor]` of pyproject.toml counts, another tool's table does not."""
    inner = project_folder / "src" / "deep"
    inner.mkdir(parents=True)
    (project_folder / "pyproject.toml").write_text("[tool.conductor.run]\nquorum = 7\n")
    (inner.parent / "pyproject.toml").write_text("[tool.other]\nquorum = 9\n")
    settings = read_settings(inner)
    assert settings.root == project_folder
    assert run_settings(inner).quorum == 7


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("TIMEOUT", "2.5", "timeout", 2.5),
        ("MODELS", "qwen*, llama*", "models", ("qwen*", "llama*")),
        ("MODELS", "", "models", ()),
        ("SAMPLES", "3", "samples", 3),
        ("SAMPLES", "auto", "samples", "auto"),
        ("EXECUTE", "no", "execute", False),
        ("EXECUTE", "1", "execute", True),
        ("STRATEGY", "3", "strategy", "3"),
        ("MAX_TOKENS_PROMPT", "100", "max_tokens_prompt", 100),
    ],
)
def test_the_environment_is_read_as_the_type_of_the_field(
    project_folder: Path, name: str, value: str, field: str, read: object
) -> None:
    """All it has is text: lists are comma-separated, and a number is a number."""
    run = run_settings(project_folder, environ={f"CONDUCTOR_RUN__{name}": value})
    assert getattr(run, field) == read


def test_names_without_two_underscores_are_no_settings(project_folder: Path) -> None:
    """`CONDUCTOR_HOME` is not one, nor is what others have."""
    assert read_settings(project_folder, environ={"CONDUCTOR_HOME": "x", "PATH": "y"}).layers[1].tree == {}


def test_an_environment_that_contradicts_itself_is_refused(project_folder: Path) -> None:
    """A value cannot be a table as well."""
    environ = {"CONDUCTOR_RUN__A": "1", "CONDUCTOR_RUN__A__B": "2"}
    assert "CONDUCTOR_RUN__A__B" in refused(project_folder, environ=environ).message


# Wrong values


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


@pytest.mark.parametrize("line", ["processes = inf", "processes = 1" + "0" * 400])
def test_a_limit_beyond_all_measure_loosens(make_session: MakeSession, project_folder: Path, line: str) -> None:
    """An untrusted project's is ignored."""
    (project_folder / "conductor.toml").write_text(f"[sandbox]\n{line}\n")
    assert make_session().settings("sandbox", SandboxSettings) == SandboxSettings()


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


# A project's file may tighten, not loosen


def test_a_project_cannot_redirect_prompts_until_it_is_trusted(make_session: MakeSession, project_folder: Path) -> None:
    """Hosts and commands are left out with a warning, the rest counts; trust is bound to the file's content."""
    file = project_folder / "conductor.toml"
    file.write_text('[providers.acme]\nhosts = ["http://evil.example"]\nargv = ["rm"]\nvoice = "soft"\n')
    session = make_session(acme=Acme())
    assert session.settings("acme", AcmeSettings) == AcmeSettings(voice="soft")
    assert sum("is not trusted" in warning for warning in session.warnings) == 2
    trust(file)
    assert is_trusted(file, file.read_bytes())
    session = make_session(acme=Acme())
    assert session.settings("acme", AcmeSettings).hosts == ("http://evil.example",)
    assert session.warnings == []
    file.write_text(file.read_text() + "\n")
    assert not is_trusted(file, file.read_bytes())
    assert make_session(acme=Acme()).settings("acme", AcmeSettings).hosts == ("http://127.0.0.1:1",)


def test_what_counts_is_what_was_trusted_also_where_the_file_changes_meanwhile(
    make_session: MakeSession, project_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The content that is read is the one whose trust is looked up, and the one that is trusted is given back."""
    file = project_folder / "conductor.toml"
    harmless, hostile = b"[providers.acme]\n", b'[providers.acme]\nhosts = ["http://evil.example"]\n'
    file.write_bytes(harmless)
    digest, trusted = trust(file)
    assert (digest, trusted) == (sha256(harmless).hexdigest(), harmless)
    contents = cycle((hostile, harmless))
    read = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: next(contents) if path == file else read(path))
    session = make_session(acme=Acme())
    assert session.settings("acme", AcmeSettings).hosts == ("http://127.0.0.1:1",)


def test_the_short_form_of_a_providers_table_is_no_way_round(make_session: MakeSession, project_folder: Path) -> None:
    """`[acme]` is `[providers.acme]`, and as little trusted."""
    (project_folder / "conductor.toml").write_text('[acme]\nhosts = ["http://evil.example"]\nvoice = "soft"\n')
    assert make_session(acme=Acme()).settings("acme", AcmeSettings) == AcmeSettings(voice="soft")


def test_a_field_written_with_dashes_needs_trust_as_well(make_session: MakeSession, project_folder: Path) -> None:
    """Another spelling of a key is the same key."""

    @attrs.frozen
    class Spelled:
        base_url: str = setting("http://127.0.0.1:1", needs_trust=True)

    class Plugin:
        @hookimpl
        def conductor_settings(self) -> tuple[str, type]:
            return "spelled", Spelled

    (project_folder / "conductor.toml").write_text('[spelled]\nbase-url = "http://evil.example"\n')
    assert make_session(spelled=Plugin()).settings("spelled", Spelled) == Spelled()


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ('memory = "1 GiB"', "memory", "1 GiB"),
        ('memory = "8 GiB"', "memory", "2 GiB"),
        ("processes = 3", "processes", 3),
        ("processes = 3000", "processes", 256),
        ('minimum = "strong"', "minimum", "strong"),
        ('minimum = "none"', "minimum", "partial"),
    ],
)
def test_a_project_may_tighten_the_sandbox_and_not_loosen_it(
    project_folder: Path, line: str, field: str, value: object
) -> None:
    """The same key counts in one direction alone."""
    (project_folder / "conductor.toml").write_text(f"[sandbox]\n{line}\n")
    table = read_settings(project_folder).table("sandbox", SandboxSettings)
    assert getattr(structure_table(table, "sandbox", SandboxSettings), field) == value
    assert bool(table.ignored) == (table.values == {})


def test_the_weaker_layers_count_for_what_is_looser(project_folder: Path, tmp_path: Path) -> None:
    """What a user already tightened, a project cannot loosen back to the default."""
    user = tmp_path / "config.toml"
    user.write_text('[sandbox]\nmemory = "512 MiB"\n')
    (project_folder / "conductor.toml").write_text('[sandbox]\nmemory = "1 GiB"\n')
    table = read_settings(project_folder, user_file=user).table("sandbox", SandboxSettings)
    assert table.values == {"memory": "512 MiB"}


def test_a_rule_that_cannot_judge_a_value_takes_it_for_looser(project_folder: Path) -> None:
    """A path with a null byte leads nowhere, and stops nobody."""
    (project_folder / "conductor.toml").write_text('[run]\ntemplate = "a/\\u0000b"\n')
    assert run_settings(project_folder).template is None


def test_a_project_cannot_switch_on_what_the_user_switched_off(project_folder: Path, tmp_path: Path) -> None:
    """Neither running what models wrote, nor recording; it may switch them off."""
    user = tmp_path / "config.toml"
    project = project_folder / "conductor.toml"
    tables: dict[str, tuple[type, str]] = {"run": (RunSettings, "execute"), "history": (HistorySettings, "enabled")}
    for name, (cls, key) in tables.items():
        user.write_text(f"[{name}]\n{key} = false\n")
        project.write_text(f"[{name}]\n{key} = true\n")
        assert read_settings(project_folder, user_file=user).table(name, cls).values == {key: False}
        project.write_text(f"[{name}]\n{key} = false\n")
        user.write_text("")
        assert read_settings(project_folder, user_file=user).table(name, cls).values == {key: False}


@pytest.mark.parametrize(
    ("template", "counts"),
    [("terse", True), ("templates/own.md.j2", True), ("../evil.md.j2", False), ("/evil.j2", False), ("link.j2", False)],
)
def test_a_template_outside_the_project_needs_trust(project_folder: Path, template: str, counts: bool) -> None:
    """Names and files of the project itself do not."""
    (project_folder / "link.j2").symlink_to("../evil.md.j2")
    (project_folder / "conductor.toml").write_text(f'[run]\ntemplate = "{template}"\n')
    assert (run_settings(project_folder).template == template) is counts


def test_plugins_are_kept_out_by_the_user_alone(project_folder: Path) -> None:
    """A cloned repository cannot switch off, say, history or redaction."""
    from codeconductor.settings import PluginsSettings

    (project_folder / "conductor.toml").write_text('[plugins]\ndisabled = ["history"]\n')
    assert read_settings(project_folder).table("plugins", PluginsSettings).values == {}


def test_a_broken_list_of_trusted_files_trusts_nobody(project_folder: Path, tmp_path: Path) -> None:
    """And is written anew by the next `trust`."""
    file = project_folder / "conductor.toml"
    file.write_text("")
    for content in ("{", "[]", json.dumps({str(file): "0" * 64})):
        (tmp_path / "data" / "trusted.json").write_text(content)
        assert not is_trusted(file, file.read_bytes())
    trust(file)
    assert is_trusted(file, file.read_bytes())


# Hosts


@pytest.mark.parametrize(
    "host", ["localhost:1234", "ftp://a", "http://", "http://a:99999", "http://u:p@a", "http://a?q"]
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


# Properties

NAMES = st.text(string.ascii_lowercase + "_", min_size=1, max_size=12)
VALUES = st.one_of(st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text() | st.integers()), st.none())
ENVIRONMENT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(st.sampled_from(sorted(TABLES)), st.dictionaries(NAMES, VALUES))
def test_any_table_is_read_or_refused(name: str, values: Mapping[str, object]) -> None:
    """Whatever stands in it, the result is a table of the right class or an `InputError` with a hint."""
    from pathlib import Path

    settings = attrs.evolve(read_settings(Path.cwd(), environ={}), layers=())
    settings = attrs.evolve(settings, layers=(*settings.layers, _layer({name: values})))
    try:
        table = structure_table(settings.table(name, TABLES[name]), name, TABLES[name])
    except InputError as exc:
        assert exc.hint  # noqa: PT017 - both outcomes are right
    else:
        assert isinstance(table, TABLES[name])


def _layer(tree: Mapping[str, object]) -> Any:
    from codeconductor.settings import Layer

    return Layer("generated", "user", tree)


@given(st.sampled_from([field.name for field in attrs.fields(RunSettings)]), ENVIRONMENT)
def test_any_text_in_the_environment_is_read_or_refused(field: str, text: str) -> None:
    """No text of a variable is worse than a wrong one."""
    from pathlib import Path

    settings = attrs.evolve(
        read_settings(Path.cwd(), environ={f"CONDUCTOR_RUN__{field.upper()}": text}), root=Path.cwd()
    )
    environment = attrs.evolve(settings, layers=(settings.layers[1],))
    assert isinstance(environment.table("run", RunSettings).values[field], Text)
    try:
        run = structure_table(environment.table("run", RunSettings), "run", RunSettings)
    except InputError as exc:
        assert exc.hint  # noqa: PT017 - both outcomes are right
    else:
        assert not isinstance(getattr(run, field), Text)


@given(st.lists(st.integers(1, 99), min_size=1, max_size=4))
def test_the_first_layer_that_speaks_is_the_one_that_counts(values: list[int]) -> None:
    """However many layers there are."""
    from pathlib import Path

    settings = attrs.evolve(
        read_settings(Path.cwd(), environ={}), layers=tuple(_layer({"run": {"quorum": value}}) for value in values)
    )
    assert settings.table("run", RunSettings).values == {"quorum": values[0]}


def test_a_session_reads_the_settings_of_its_folder(project_folder: Path) -> None:
    """And gives a table under its short and its full name."""
    (project_folder / "conductor.toml").write_text('[providers.acme]\nvoice = "soft"\n[run]\nquorum = 2\n')
    session: Session = new_session(project_folder, acme=Acme())
    assert session.settings("acme", AcmeSettings) is session.settings("providers.acme", AcmeSettings)
    assert session.settings("run", RunSettings).quorum == 2
