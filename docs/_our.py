"""What is ours: the distributions of this repository, their plugins and their commands, whatever else is installed."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from codeconductor import __version__
from codeconductor.history import History
from codeconductor.plugins import CORE, PluginInfo, Plugins, commands

ROOT = Path(__file__).resolve().parent.parent


def project_of(folder: Path) -> dict[str, Any]:
    """The table `[project]` of a folder's pyproject.toml."""
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def distributions() -> dict[str, Path]:
    """Folders by distribution: the bundle, core, then the plugins by name."""
    folders = [ROOT, ROOT / "core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
    return {project_of(folder)["name"]: folder for folder in folders}


def examples() -> dict[str, Path]:
    """Folders of the example packages by distribution."""
    found = sorted((ROOT / "docs" / "examples").rglob("pyproject.toml"))
    return {project_of(path.parent)["name"]: path.parent for path in found}


def plugins() -> tuple[Plugins, list[PluginInfo]]:
    """Everything that is loaded, and what of it is ours.

    Raises:
        SystemExit: One of ours cannot be loaded.
    """
    loaded = Plugins.load()
    loaded.register(History(ROOT), PluginInfo("history", CORE, __version__))
    ours = [info for info in loaded.infos.values() if info.distribution in distributions()]
    failed = [f"{info.name}: {info.error}" for info in ours if info.status != "loaded"]
    if failed:
        raise SystemExit(f"plugins that cannot be loaded: {'; '.join(failed)}")
    return loaded, ours


def command_names() -> dict[str, bool]:
    """Commands that plugins bring, with whether they are ours."""
    names = distributions()
    return {point.name: name in names for name, points in sorted(commands().items()) for point in points}
