"""What a plugin object must keep to before any hook of it is called."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor import hookspecs
from codeconductor.errors import PluginError, nearest
from codeconductor.hookspecs import COROUTINE_HOOKS

if TYPE_CHECKING:
    import pluggy

HOOKS = frozenset(name for name in vars(hookspecs) if name.startswith("conductor_"))


def checked_hooks(manager: pluggy.PluginManager, plugin: object) -> tuple[str, ...]:
    """Names of the hooks that a plugin object implements.

    Raises:
        PluginError: One is misspelt, not marked, or of the wrong kind.
    """
    names = []
    for attribute in dir(plugin):
        options = manager.parse_hookimpl_opts(plugin, attribute)
        if options is None:
            if attribute in HOOKS and inspect.isfunction(inspect.getattr_static(plugin, attribute, None)):
                raise PluginError(f"{attribute} is not marked", hint="put @hookimpl above it")
            continue
        name = options.get("specname") or attribute
        if name not in HOOKS:
            if options.get("optionalhook"):
                continue
            close = nearest(name, HOOKS)
            raise PluginError(f"unknown hook {name!r}", hint=f"did you mean {close!r}?" if close else None)
        wraps = options.get("wrapper") or options.get("hookwrapper")
        function = getattr(plugin, attribute)
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            if wraps or name not in COROUTINE_HOOKS:
                raise PluginError(
                    f"{name} is a coroutine function", hint="make it a plain `def`; what waits goes into its result"
                )
        elif name in COROUTINE_HOOKS and not wraps:
            raise PluginError(f"{name} is not a coroutine function", hint=f"write `async def {name}`")
        names.append(name)
    return tuple(sorted(names))


def checked_settings(name: object, cls: Any) -> type:
    """The class of a settings table, if it can be one; what it raises otherwise says why it cannot."""
    if not isinstance(name, str) or not attrs.has(cls):
        raise TypeError(f"expected a name and an attrs class, got {name!r} and {cls!r}")
    needed = [field.name for field in attrs.fields(cls) if field.default is attrs.NOTHING]
    if needed:
        raise TypeError(f"{cls.__name__}.{needed[0]} has no default: nobody has to configure a plugin")
    attrs.resolve_types(cls)  # annotations stand for types that exist when the program runs
    return cls
