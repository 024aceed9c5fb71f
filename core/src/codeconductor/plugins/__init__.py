"""Finds, blocks, loads and isolates plugins, with one typed method a hook; the only package that touches pluggy."""

from __future__ import annotations

from codeconductor.plugins.calling import Plugins
from codeconductor.plugins.metadata import CORE, PluginFault, PluginInfo, commands, installed

__all__ = ["CORE", "PluginFault", "PluginInfo", "Plugins", "commands", "installed"]
