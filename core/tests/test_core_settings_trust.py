"""A project's file may tighten, not loosen, until its owner trusts it."""

from __future__ import annotations

import json
from hashlib import sha256
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import RunSettings, hookimpl, hosts_setting, setting
from codeconductor.converters import structure_table
from codeconductor.settings import HistorySettings, SandboxSettings, read_settings, trust
from codeconductor.settings.trusted import is_trusted

if TYPE_CHECKING:
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


# Trust


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


def test_a_broken_list_of_trusted_files_trusts_nobody(project_folder: Path, tmp_path: Path) -> None:
    """And is written anew by the next `trust`."""
    file = project_folder / "conductor.toml"
    file.write_text("")
    for content in ("{", "[]", json.dumps({str(file): "0" * 64})):
        (tmp_path / "data" / "trusted.json").write_text(content)
        assert not is_trusted(file, file.read_bytes())
    trust(file)
    assert is_trusted(file, file.read_bytes())


# What may count without it


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
