"""Which plugins and commands are installed, from metadata alone, and what became of each plugin."""

from __future__ import annotations

from collections import defaultdict
from importlib.metadata import EntryPoint, entry_points
from typing import Literal

import attrs

from codeconductor.hookspecs import PROJECT
from codeconductor.value_classes import frozen

CORE = "codeconductor-core"
COMMANDS_GROUP = "codeconductor.commands"


@frozen
class PluginFault:
    """A plugin raised in a hook, or gave what the hook does not allow."""

    plugin: str
    distribution: str | None
    hook: str
    error: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"plugin {self.plugin!r} ({self.distribution or 'no distribution'}) failed in {self.hook}: {self.error}"


@attrs.define
class PluginInfo:
    """An installed plugin: where it comes from, and what became of it."""

    name: str
    distribution: str | None = None
    version: str | None = None
    status: Literal["loaded", "disabled", "failed"] = "loaded"
    error: str | None = None
    hooks: tuple[str, ...] = ()
    entry_point: EntryPoint | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def source(self) -> str:
        """Who brings it, for people: its distribution, or its module where damaged metadata name none."""
        if self.distribution is None and self.entry_point is not None:
            return f"what brings the module {self.entry_point.module!r}"
        return self.distribution or "no distribution"


def installed() -> list[PluginInfo]:
    """Every installed plugin, sorted by name, from metadata alone: nothing is imported."""
    found = []
    for point in entry_points(group=PROJECT):
        distribution, version = _described(point)
        found.append(PluginInfo(point.name, distribution, version, entry_point=point))
    return sorted(found, key=lambda info: (info.name, info.distribution or ""))


def commands() -> dict[str, list[EntryPoint]]:
    """The commands that plugins bring, by their distribution's name, from metadata alone."""
    brought: dict[str, list[EntryPoint]] = defaultdict(list)
    for point in sorted(entry_points(group=COMMANDS_GROUP), key=lambda point: point.name):
        brought[_described(point)[0] or ""].append(point)
    return brought


def _described(point: EntryPoint) -> tuple[str | None, str | None]:
    """Name and version of an entry point's distribution, as far as an install that was broken off left them."""
    try:
        # `point.dist.metadata` parses the whole file, with the README that is in it
        dist = point.dist
        text = (dist.read_text("METADATA") or dist.read_text("PKG-INFO") if dist else None) or ""
    except ValueError:  # not UTF-8
        text = ""
    head = text.partition("\n\n")[0]
    fields = dict(line.split(": ", 1) for line in head.splitlines() if line.startswith(("Name: ", "Version: ")))
    return fields.get("Name"), fields.get("Version")
