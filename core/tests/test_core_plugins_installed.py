"""Installed plugins are found by metadata and loaded, and one that cannot be costs only itself."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from codeconductor.plugins import Plugins, commands, installed
from codeconductor.session import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GOOD = """
from codeconductor import hookimpl

@hookimpl
def conductor_run_finished(session, run):
    pass
"""


def test_an_installed_plugin_is_found_and_loaded(install: Callable[..., None]) -> None:
    """Name, distribution, version and hooks are known."""
    install("acme", "[codeconductor]\nzz_acme = plug_acme\n", plug_acme=GOOD)
    info = Plugins.load().infos["zz_acme"]
    assert (info.name, info.distribution, info.version, info.status) == ("zz_acme", "acme", "1.2", "loaded")
    assert info.hooks == ("conductor_run_finished",)


def test_finding_plugins_imports_none(install: Callable[..., None]) -> None:
    """`--help` and `--version` list by metadata alone, sorted by name."""
    install("acme", "[codeconductor]\nzz_b = plug_b\nzz_a = plug_a\n[codeconductor.commands]\nfly = plug_c:fly\n")
    names = [info.name for info in installed()]
    assert names == sorted(names)
    assert {"zz_a", "zz_b"} <= set(names)
    assert [point.name for point in commands()["acme"]] == ["fly"]


def test_a_disabled_plugin_is_never_imported(install: Callable[..., None]) -> None:
    """It is listed as disabled, and not one line of it runs."""
    install("acme", "[codeconductor]\nzz_acme = plug_acme\n", plug_acme="raise AssertionError('imported')")
    plugins = Plugins.load(disabled=["zz_acme"])
    assert plugins.infos["zz_acme"].status == "disabled"
    assert "plug_acme" not in sys.modules
    assert not [fault for fault in plugins.faults if fault.plugin == "zz_acme"]


def test_the_settings_of_a_disabled_plugin_are_told_to_be_not_used(
    project_folder: Path, install: Callable[..., None]
) -> None:
    """It is installed, and nobody has to look for a slip; nor where it could not be loaded."""
    install("acme", "[codeconductor]\nzz_acme = plug_acme\nzz_broken = plug_broken\n", plug_acme=GOOD)
    (project_folder / "conductor.toml").write_text("[providers.zz_acme]\nx = 1\n[zz_broken]\nx = 1\n")
    session = Session.start(project_folder, overrides={"plugins": {"disabled": ["zz_acme"]}})
    assert [warning.partition(": ")[2] for warning in session.warnings if "is not used" in warning] == [
        "[providers.zz_acme] is not used: the plugin 'zz_acme' is disabled",
        "[zz_broken] is not used: the plugin 'zz_broken' could not be loaded",
    ]


@pytest.mark.parametrize(("name", "meant"), [("zz_amce", "zz_acme"), ("zz_stranger", None), ("zz_acme", None)])
def test_a_slip_in_a_disabled_name_is_warned_about(
    project_folder: Path, install: Callable[..., None], name: str, meant: str | None
) -> None:
    """The plugin that was meant would go on; a name that is like no other may be that of a plugin elsewhere."""
    install("acme", "[codeconductor]\nzz_acme = plug_acme\n", plug_acme=GOOD)
    session = Session.start(project_folder, overrides={"plugins": {"disabled": [name]}})
    told = f"[plugins] disabled has {name!r}, which is not installed; did you mean {meant!r}?"
    assert [warning for warning in session.warnings if "disabled" in warning] == ([told] if meant else [])


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_plugin_that_cannot_be_imported_costs_only_itself(
    install: Callable[..., None], source: str, told: str
) -> None:
    """It is named with its distribution and what to do, and the others are loaded."""
    install("acme", "[codeconductor]\nzz_bad = plug_bad\nzz_good = plug_good\n", plug_bad=source, plug_good=GOOD)
    plugins = Plugins.load()
    assert plugins.infos["zz_good"].status == "loaded"
    assert plugins.infos["zz_bad"].status == "failed"
    (fault,) = [fault for fault in plugins.faults if fault.plugin == "zz_bad"]
    assert told in fault.error
    assert fault.hint is not None
    assert "acme" in fault.hint
    assert "[plugins] disabled" in fault.hint


@pytest.mark.parametrize(
    "metadata", [b"", b"Metadata-Version: 2.1\n", b"Name: \xff\n"], ids=["empty", "cut", "no text"]
)
def test_a_plugin_with_damaged_metadata_is_named_by_its_module(
    install: Callable[..., None], tmp_path: Path, metadata: bytes
) -> None:
    """An install that was broken off leaves no name to reinstall; commands are found all the same."""
    points = "[codeconductor]\nzz_bad = plug_bad\n[codeconductor.commands]\nfly = plug_bad:fly\n"
    install("acme", points, plug_bad="1 / 0")
    (tmp_path / "site" / "acme-1.2.dist-info" / "METADATA").write_bytes(metadata)
    info = Plugins.load().infos["zz_bad"]
    assert (info.status, info.distribution, info.version) == ("failed", None, None)
    assert "reinstall what brings the module 'plug_bad'" in (info.error or "")
    assert "fly" in [point.name for point in commands()[""]]


def test_an_entry_point_that_leads_nowhere_costs_only_itself(install: Callable[..., None]) -> None:
    """A module without the attribute that the metadata names."""
    install("acme", "[codeconductor]\nzz_bad = plug_bad:nothing\n", plug_bad="")
    assert "AttributeError" in (Plugins.load().infos["zz_bad"].error or "")


def test_two_distributions_with_one_name_are_both_named(install: Callable[..., None]) -> None:
    """The first by distribution is loaded, the second is not, and the fault names both."""
    install("acme", "[codeconductor]\nzz_acme = plug_acme\n", plug_acme=GOOD)
    install("bcme", "[codeconductor]\nzz_acme = plug_other\n", plug_other=GOOD)
    plugins = Plugins.load()
    assert plugins.infos["zz_acme"].distribution == "acme"
    (fault,) = [fault for fault in plugins.faults if fault.plugin == "zz_acme"]
    assert "is taken by acme" in fault.error
    assert fault.hint == "uninstall acme or bcme"
    assert plugins.infos["zz_acme (bcme)"].status == "failed"
    assert "plug_other" not in sys.modules
