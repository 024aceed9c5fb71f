"""Loads the plugins that are installed and not disabled; what is wrong with one is noted, and costs only itself."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from types import FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Self

import attrs
import pluggy

from codeconductor import hookspecs
from codeconductor.errors import ConductorError, in_words
from codeconductor.hookspecs import PROJECT
from codeconductor.plugins.checks import checked_hooks
from codeconductor.plugins.metadata import PluginFault, PluginInfo, installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MAY_BE_HOOKS = (FunctionType, MethodType, staticmethod, classmethod)
"""What pluggy takes into account; its own way of finding out is slow."""


class _Manager(pluggy.PluginManager):
    """Looks for hookimpls among the functions of a module alone: most of what stands in one is none."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        if isinstance(plugin, ModuleType) and not isinstance(vars(plugin).get(name), _MAY_BE_HOOKS):
            return None
        return super().parse_hookimpl_opts(plugin, name)


class Loaded:
    """The plugins of one invocation: those that were found, and what became of them.

    Attributes:
        infos: Every plugin that was found, by name.
        faults: What plugins did wrong so far, in order.
        on_fault: Told of each further one as it happens.
    """

    def __init__(self) -> None:
        self._manager = _Manager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        self.infos: dict[str, PluginInfo] = {}
        self.faults: list[PluginFault] = []
        self.on_fault: Callable[[PluginFault], None] | None = None

    @classmethod
    def load(cls, *, disabled: Iterable[str] = ()) -> Self:
        """Load every installed plugin that is not disabled; one that cannot be loaded is noted and left out."""
        plugins = cls()
        blocked = set(disabled)
        for info in installed():
            if info.name in plugins.infos:
                first = plugins.infos[info.name]
                plugins._fail(
                    info,
                    f"its name {info.name!r} is taken by {first.source}",
                    hint=f"uninstall {first.source} or {info.source}",
                )
            elif info.name in blocked:
                plugins.infos[info.name] = attrs.evolve(info, status="disabled")
            else:
                plugins._load(info)
        return plugins

    def _load(self, info: PluginInfo) -> None:
        assert info.entry_point is not None
        self.infos[info.name] = info
        try:
            with redirect_stdout(sys.stderr):  # what it may print: standard output is for results
                plugin = info.entry_point.load()
        except BaseException as exc:  # a plugin that cannot be imported, or exits, must not take us down
            if type(exc) is KeyboardInterrupt:  # Ctrl-C
                raise
            self._fail(
                info,
                f"cannot be imported: {in_words(exc)}",
                hint=f"reinstall {info.source}, or put {info.name!r} into [plugins] disabled",
            )
            return
        self.register(plugin, info)

    def register(self, plugin: object, info: PluginInfo) -> None:
        """Add one plugin object; one that breaks the contract is noted as failed and left out."""
        self.infos.setdefault(info.name, info)
        try:
            info.hooks = checked_hooks(self._manager, plugin)
            self._manager.register(plugin, name=info.name)
        except (ConductorError, pluggy.PluginValidationError, ValueError) as exc:
            hint = exc.hint if isinstance(exc, ConductorError) else "hook arguments are listed in the hook reference"
            self._fail(info, " ".join(str(exc).split()), hint=hint)

    def unregister(self, name: str) -> None:
        """Take one plugin out again; nothing happens where there is none of that name."""
        plugin = self._manager.get_plugin(name)
        if plugin is not None:
            self._manager.unregister(plugin)

    def _fail(self, info: PluginInfo, error: str, *, hint: str | None) -> None:
        info.status = "failed"
        info.error = error if hint is None else f"{error} ({hint})"
        self.infos[info.name if self.infos.get(info.name) in (None, info) else f"{info.name} ({info.source})"] = info
        self.faults.append(PluginFault(info.name, info.distribution, "loading", error, hint))

    def blame(self, plugin: str, hook: str, exc: BaseException | str) -> None:
        """Note what a plugin did wrong in a hook, and tell who listens."""
        error = exc if isinstance(exc, str) else in_words(exc)
        hint = exc.hint if isinstance(exc, ConductorError) else None
        info = self.infos.get(plugin)
        fault = PluginFault(plugin, info.distribution if info else None, hook, error, hint)
        self.faults.append(fault)
        if self.on_fault is not None:
            self.on_fault(fault)
