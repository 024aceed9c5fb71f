"""Sessions with just the plugins of a test, in folders of the test's own; fixtures to be imported into a conftest."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from codeconductor.plugins import PluginInfo, Plugins
from codeconductor.session import Session
from codeconductor.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from codeconductor.events import Event

E = TypeVar("E", bound="Event")

MakeSession = Callable[..., Session]
"""`make_session(settings, **plugins)`, as the fixture gives it."""

_PROXIES = frozenset({"all_proxy", "http_proxy", "https_proxy", "no_proxy"})


class EventLog(list["Event"]):
    """What happened in a session, in order."""

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind."""
        return [event for event in self if isinstance(event, kind)]


def record_events(session: Session) -> EventLog:
    """A list that grows with every later event of the session."""
    log = EventLog()
    session.events.subscribe(log.append)
    return log


def new_session(folder: Path, settings: Mapping[str, Any] | None = None, /, **plugins: object) -> Session:
    """A session with these plugins alone; what is installed is not loaded.

    Args:
        folder: The project's folder, whose settings file counts.
        settings: Tables that are stronger than every file, such as ``{"acme": {"hosts": [server.host]}}``.
        plugins: Plugin objects by their names: modules, or anything else with hookimpls.

    Raises:
        AssertionError: A plugin breaks the contract; the message says how.
    """
    registered = Plugins()
    for name, plugin in plugins.items():
        registered.register(plugin, PluginInfo(name, distribution=f"codeconductor-{name}", version="0"))
        assert registered.infos[name].status == "loaded", f"plugin {name!r}: {registered.infos[name].error}"
    return Session(read_settings(folder, overrides=settings), registered)


def own_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make an empty project and go there, with a home folder of its own and an environment without settings."""
    for name in os.environ:
        if name.startswith(("CONDUCTOR_", "OLLAMA_")) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    places = {
        "HOME": home,
        "USERPROFILE": home,
        "CONDUCTOR_HOME": tmp_path / "data",
        "XDG_CONFIG_HOME": home / ".config",
        "XDG_STATE_HOME": home / ".local" / "state",
        "XDG_CACHE_HOME": home / ".cache",
    }
    for name, place in places.items():
        place.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv(name, str(place))
    # not every platform finds the folder by the environment
    monkeypatch.setattr("codeconductor.settings.layers.config_folder", lambda: home / ".config" / "conductor")
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is imported, discovery waits longer than for people: a busy machine is slow, above all as it imports."""
    for name in ("steps.STEP_TIMEOUT", "asking.HOST_TIMEOUT", "asking.PLUGIN_TIMEOUT"):
        monkeypatch.setattr(f"codeconductor.discovery.{name}", 60.0)


@pytest.fixture
def project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project, which is the current folder, under a home of its own and an environment without settings."""
    return own_project(tmp_path, monkeypatch)


@pytest.fixture
def make_session(project_folder: Path) -> MakeSession:
    """`new_session` in the project's folder: `make_session({"acme": {…}}, acme=codeconductor_acme)`."""
    return partial(new_session, project_folder)


@pytest.fixture
def session(make_session: MakeSession) -> Session:
    """A session without any plugin."""
    return make_session()
