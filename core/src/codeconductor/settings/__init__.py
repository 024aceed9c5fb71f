"""Settings: core's own tables, and the layers that they and the plugins' tables are read from.

    command line > environment > project file > user file > defaults

A project's file may tighten, not loosen: a field made with `setting(needs_trust=…)` is ignored there until the
file's owner has said `conductor config trust`.
"""

from __future__ import annotations

from codeconductor.settings.folders import config_folder, current_folder, data_folder
from codeconductor.settings.layers import Layer, Origin, Settings, Table, Text, read_settings
from codeconductor.settings.tables import (
    LARGEST_SEED,
    TABLES,
    VARIABLE,
    BuildSettings,
    HistorySettings,
    PluginsSettings,
    PromptSettings,
    RunSettings,
    SandboxSettings,
    hosts_setting,
    setting,
)
from codeconductor.settings.trusted import trust

__all__ = [
    "LARGEST_SEED",
    "TABLES",
    "VARIABLE",
    "BuildSettings",
    "HistorySettings",
    "Layer",
    "Origin",
    "PluginsSettings",
    "PromptSettings",
    "RunSettings",
    "SandboxSettings",
    "Settings",
    "Table",
    "Text",
    "config_folder",
    "current_folder",
    "data_folder",
    "hosts_setting",
    "read_settings",
    "setting",
    "trust",
]
