"""One invocation: its settings, HTTP clients, events, plugins and warnings; every stage is handed it."""

from __future__ import annotations

import copy
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from codeconductor.converters import structure_table
from codeconductor.errors import ConductorError, InputError, in_words, nearest
from codeconductor.events import Events, Warned
from codeconductor.http import is_loopback, open_client
from codeconductor.plugins import PluginFault, Plugins
from codeconductor.session.keys import Keys
from codeconductor.settings import TABLES, PluginsSettings, Settings, Table, current_folder, read_settings
from codeconductor.settings.slips import slips

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping
    from pathlib import Path
    from types import TracebackType

    import httpx2

T = TypeVar("T")


class Closable(Protocol):
    """What `Session.keep` closes when the session ends."""

    async def aclose(self) -> None:
        """Give back what it holds."""
        ...


C = TypeVar("C", bound=Closable)


def disabled_plugins(folder: Path | None = None) -> frozenset[str]:
    """Names of the plugins that the settings in force in `folder` (the current one unless given) keep out."""
    return _disabled(read_settings(folder or current_folder()))


def _disabled(settings: Settings) -> frozenset[str]:
    table = settings.table("plugins", PluginsSettings)
    return frozenset(structure_table(table, "plugins", PluginsSettings).disabled)


class Session:
    """Settings, clients, events and plugins of one invocation; an async context manager that closes its clients.

    Attributes:
        plugins: The loaded plugins.
        events: Who listens to what happens.
        warnings: What was worth a person's attention so far, each once, in order.
        root: The project's folder.
        keys: That were given out.
        pace: Seconds that each model took for its last answer, by its id.
        on_branch: Told of every branch before anything happens in it.
    """

    def __init__(self, settings: Settings, plugins: Plugins) -> None:
        self.plugins = plugins
        self.events = Events(self.warn)
        self.warnings: list[str] = []
        self.root: Path = settings.root
        self.sources = settings
        self.keys = Keys()
        self.pace: dict[str, float] = {}
        self.on_branch: list[Callable[[Session], None]] = []
        self._tables: dict[str, type] = dict(TABLES)
        self._structured: dict[tuple[str, type], object] = {}
        self._clients: dict[tuple[str, str | None], httpx2.AsyncClient] = {}
        self._kept: dict[Hashable, Closable] = {}
        self._exits = AsyncExitStack()
        declared = self._declared_tables()
        self._warn_of_unknown_tables()
        for name, cls in tuple(self._tables.items()):
            try:
                self.settings(name, cls)
            except ConductorError:
                raise
            except Exception as exc:  # noqa: BLE001 - a validator or converter of a plugin's own
                plugins.blame(declared[name], "conductor_settings", exc)
                del self._tables[name]
        for fault in plugins.faults:
            self._warn_of_fault(fault)
        plugins.on_fault = self._warn_of_fault

    @classmethod
    def start(
        cls,
        folder: Path | None = None,
        *,
        overrides: Mapping[str, object] | None = None,
        builtin: Mapping[str, object] | None = None,
    ) -> Session:
        """Read the settings that count in `folder`, and load the plugins that they do not disable.

        Args:
            folder: Where the user stands; the current folder unless given.
            overrides: Tables that are stronger than every file, as the command line's are.
            builtin: Plugin objects of core itself, by name.

        Raises:
            InputError: A settings file or value is wrong.
        """
        from codeconductor import __version__
        from codeconductor.plugins import CORE, PluginInfo

        settings = read_settings(folder or current_folder(), overrides=overrides)
        disabled = _disabled(settings)
        plugins = Plugins.load(disabled=disabled)
        for name, plugin in (builtin or {}).items():
            info = PluginInfo(name, CORE, __version__)
            if name in disabled:
                info.status = "disabled"
                plugins.infos[name] = info
            else:
                plugins.register(plugin, info)
        session = cls(settings, plugins)
        for name in sorted(disabled - plugins.infos.keys()):
            close = nearest(name, plugins.infos, likeness=0.8)  # what is like it by chance is not meant
            if close is not None:
                session.warn(f"[plugins] disabled has {name!r}, which is not installed; did you mean {close!r}?")
        return session

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.aclose()

    def branch(self, **tables: object) -> Session:
        """A session for one of several runs at the same time: with events and warnings of its own.

        Clients, plugins and all that was kept are shared with this session, which closes them: a branch is not entered.

        Args:
            tables: Settings that differ from this session's: a table's name, and its attrs class filled in.
        """
        branched = copy.copy(self)
        branched.warnings = []
        branched.events = Events(branched.warn)
        branched._structured = dict(self._structured)
        for name, table in tables.items():
            branched._structured[name, type(table)] = table
        for subscribe in self.on_branch:
            subscribe(branched)
        return branched

    # Settings

    @property
    def tables(self) -> Mapping[str, type]:
        """Every known settings table by its full name: core's, and those that plugins declare."""
        return self._tables

    def _declared_tables(self) -> dict[str, str]:
        """Take in the tables that plugins declare; gives the plugin by the table's name."""
        declared: dict[str, str] = {}
        for plugin, name, cls in self.plugins.settings():
            owner = name.removeprefix("providers.")
            if owner in TABLES:
                self.plugins.blame(plugin, "conductor_settings", f"the table [{name}] is core's own")
            elif name in declared or (owner != plugin and owner in self.plugins.infos):
                fault = f"the table [{name}] is that of plugin {declared.get(name, owner)!r}"
                self.plugins.blame(plugin, "conductor_settings", fault)
            else:
                declared[name] = plugin
                self._tables[name] = cls
        return declared

    def settings(self, name: str, cls: type[T]) -> T:
        """One settings table as its attrs class, checked.

        Args:
            name: As declared by the hook ``conductor_settings``, or one of core's tables.
            cls: The class that was declared with it.

        Raises:
            InputError: An unknown key or a wrong value.
        """
        full = name if name in self._tables else f"providers.{name}"
        if full not in self._tables:
            full = name
        key = (full, cls)
        if key not in self._structured:
            table = self.table(full, cls)
            for origin in table.ignored:
                self.warn(
                    f"{origin} is ignored: the file is not trusted (`conductor config trust` trusts it as it stands)"
                )
            self._structured[key] = structure_table(table, full, cls)
        return self._structured[key]  # type: ignore[return-value]  # its key has the class

    def table(self, name: str, cls: type) -> Table:
        """The unchecked table with where each value came from."""
        return self.sources.table(name, cls)

    def is_trusted(self, name: str, key: str) -> bool:
        """Whether a setting has its value from the user, and not from a project's file that nobody has trusted."""
        return key not in self.table(name, self._tables[name]).untrusted

    def _warn_of_unknown_tables(self) -> None:
        for name, origin in self.sources.names().items():
            if name in self._tables or f"providers.{name}" in self._tables:
                continue
            if name == "providers" or any(known.startswith(f"{name}.") for known in self._tables):
                continue  # it holds the tables of plugins
            plugin = self.plugins.infos.get(name.removeprefix("providers."))
            if plugin is not None and plugin.status != "loaded":
                became = "is disabled" if plugin.status == "disabled" else "could not be loaded"
                self.warn(f"{origin.layer}: [{name}] is not used: the plugin {plugin.name!r} {became}")
                continue
            close = nearest(name, self._tables)
            if "." not in name and origin.layer != "environment" and close in TABLES:
                raise InputError(f"{origin.layer}: unknown table [{name}]", hint=f"did you mean [{close}]?")
            if origin.layer != "environment" or name.startswith("providers."):
                asked = f"; did you mean [{close}]?" if close else ""
                self.warn(f"{origin.layer}: [{name}] is not used: no plugin of that name is installed{asked}")
        for variable, meant in slips(self.sources.variables, self._tables):
            self.warn(f"environment: {variable} is no setting; did you mean {meant}?")

    # Talking to servers

    def client(self, host: str, *, key: str | None = None) -> httpx2.AsyncClient:
        """The HTTP client for a configured host: one a host, closed with the session.

        Args:
            host: Base address, such as ``http://127.0.0.1:1234``.
            key: Sent as ``Authorization: Bearer`` to this host alone.
        """
        if (host, key) not in self._clients:
            headers = {"authorization": f"Bearer {key}"} if key else None
            client = open_client(host, headers=headers)
            self._clients[host, key] = client
            self._exits.push_async_callback(client.aclose)
            if not is_loopback(host):
                self.warn(f"prompts may be sent to {host}, which is not this machine")
        return self._clients[host, key]

    def keep(self, key: Hashable, make: Callable[[], C]) -> C:
        """What a plugin needs for as long as the session lasts: made when first asked for, closed with the session.

        Args:
            key: Begins with the plugin's name, such as ``("acme", path)``.
            make: Makes it, without waiting for anything.
        """
        if key not in self._kept:
            made = make()
            self._kept[key] = made
            self._exits.push_async_callback(self._close, str(key), made)
        return self._kept[key]  # type: ignore[return-value]  # a key belongs to one kind of thing

    async def _close(self, name: str, kept: Closable) -> None:
        try:
            await kept.aclose()
        except Exception as exc:  # noqa: BLE001 - it must not cost the result that everybody waited for
            self.warn(f"{name} cannot be closed: {in_words(exc)}")

    def secret(self, reference: str) -> str | None:
        """An API key from the environment (``env:NAME``) or the system's keyring (``keyring:NAME``); None: not set.

        What was given out is blanked in logs and error messages.

        Raises:
            InputError: As `Keys.get` does.
        """
        return self.keys.get(reference)

    def blanked(self, text: str) -> str:
        """The text without any key, or the first ten characters of one, that was given out."""
        return self.keys.blanked(text)

    # Telling people

    def _warn_of_fault(self, fault: PluginFault) -> None:
        if fault.hook != "conductor_discover_models":  # those become problems of the discovery
            self.warn(f"{fault}" + (f" ({fault.hint})" if fault.hint else ""))

    def warn(self, message: str) -> None:
        """Say something once that is worth a person's attention and stops nothing."""
        message = self.blanked(message)
        if message not in self.warnings:
            self.warnings.append(message)
            self.events.emit(Warned(message))
