"""What a plugin object must be, and the settings that it declares, are checked before any other hook is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
from codeconductor import Chunk, Model, RunSettings, hookimpl
from codeconductor.plugins import PluginInfo, Plugins
from codeconductor.settings import TABLES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from codeconductor import Query
    from codeconductor.testing import MakeSession


def registered(**objects: object) -> Plugins:
    """These plugins alone, also those that break the contract."""
    plugins = Plugins()
    for name, plugin in objects.items():
        plugins.register(plugin, PluginInfo(name, distribution=f"dist-{name}", version="1"))
    return plugins


def failure(plugin: object) -> str:
    """Why a plugin object is refused."""
    plugins = registered(faulty=plugin)
    assert plugins.infos["faulty"].status == "failed"
    assert [fault.hook for fault in plugins.faults] == ["loading"]
    return plugins.infos["faulty"].error or ""


class Parrot:
    """A plugin without a fault."""

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        return []


# What a plugin object must be


def test_a_misspelt_hook_is_refused_with_the_nearest() -> None:
    """A slip would otherwise be a plugin that silently does nothing."""

    class Slip:
        @hookimpl
        def conductor_consensus_strategy(self) -> list[object]:
            return []

    assert failure(Slip()) == (
        "unknown hook 'conductor_consensus_strategy' (did you mean 'conductor_consensus_strategies'?)"
    )


def test_an_optional_hook_of_a_later_release_is_passed_over() -> None:
    """A plugin may implement what this release does not know yet, and say so."""

    class Early:
        @hookimpl(optionalhook=True)
        def conductor_of_the_future(self) -> None: ...

        @hookimpl
        def conductor_run_finished(self) -> None: ...

    plugins = registered(early=Early())
    assert plugins.infos["early"].status == "loaded"
    assert plugins.infos["early"].hooks == ("conductor_run_finished",)


def test_an_argument_that_a_hook_does_not_have_is_refused() -> None:
    """Fewer are fine, others are not."""

    class Strange:
        @hookimpl
        def conductor_run_finished(self, outcome: object) -> None: ...

    assert "outcome" in failure(Strange())


@pytest.mark.parametrize("is_generator", [False, True])
def test_a_coroutine_function_is_refused_where_it_would_swallow_the_others(is_generator: bool) -> None:
    """On a hook whose first result counts, pluggy would take the coroutine for an answer."""

    class Function:
        @hookimpl
        async def conductor_query_model(self, model: Model, query: Query) -> None: ...

    class Generator:
        @hookimpl
        async def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Chunk]:
            yield Chunk()

    told = failure(Generator() if is_generator else Function())
    assert told.startswith("conductor_query_model is a coroutine function (make it a plain `def`")


def test_discovery_must_be_a_coroutine_function() -> None:
    """A plain one would be called while nobody else is."""

    class Plain:
        @hookimpl
        def conductor_discover_models(self) -> list[Model]:
            return []

    assert "write `async def conductor_discover_models`" in failure(Plain())


def test_a_hook_that_is_not_marked_is_refused() -> None:
    """Who forgets `@hookimpl` hears of it."""

    class Unmarked:
        def conductor_run_finished(self, session: object, run: object) -> None: ...

    assert failure(Unmarked()) == "conductor_run_finished is not marked (put @hookimpl above it)"


def test_a_session_warns_once_of_each_plugin_that_failed(project_folder: Path) -> None:
    """With what to do about it."""
    from codeconductor import Session
    from codeconductor.settings import read_settings

    class Unmarked:
        def conductor_settings(self) -> None: ...

    session = Session(read_settings(project_folder), registered(bad=Unmarked(), parrot=Parrot()))
    assert session.warnings == [
        "plugin 'bad' (dist-bad) failed in loading: conductor_settings is not marked (put @hookimpl above it)"
    ]


# The settings that it declares


@pytest.mark.parametrize("given", [3, ("a", int), [("a", 3)], "ab"])
def test_settings_of_the_wrong_type_are_a_fault(given: object) -> None:
    """A name and an attrs class, once or several times."""

    class Plugin:
        @hookimpl
        def conductor_settings(self) -> object:
            return given

    plugins = registered(plugin=Plugin())
    assert list(plugins.settings()) == []
    assert [fault.hook for fault in plugins.faults] == ["conductor_settings"]


def test_settings_that_nobody_can_read_are_a_fault(make_session: MakeSession) -> None:
    """A type that exists for the type checker alone, a field without a default, a validator with a fault."""

    @attrs.frozen
    class Unknown:
        place: Nowhere = None  # type: ignore[name-defined]  # noqa: F821

    @attrs.frozen
    class Needs:
        place: str

    def fails(_instance: object, _attribute: object, _value: object) -> None:
        raise KeyError("place")

    @attrs.frozen
    class Fails:
        place: str = attrs.field(default="here", validator=fails)

    class Plugin:
        def __init__(self, cls: type) -> None:
            self.cls = cls

        @hookimpl
        def conductor_settings(self) -> tuple[str, type]:
            return self.cls.__name__.lower(), self.cls

    session = make_session(a=Plugin(Unknown), b=Plugin(Needs), c=Plugin(Fails), d=Plugin(RunSettings))
    assert [(fault.plugin, fault.hook) for fault in session.plugins.faults] == [
        (plugin, "conductor_settings") for plugin in "abc"
    ]
    assert set(session.tables) == {*TABLES, "runsettings"}
    assert len(session.warnings) == 3


def test_a_table_belongs_to_one_plugin_and_cores_own_to_none(make_session: MakeSession) -> None:
    """Whoever declares it second is told, and the settings of the first count."""

    @attrs.frozen
    class Other:
        place: str = "here"

    class Plugin:
        def __init__(self, name: str) -> None:
            self.name = name

        @hookimpl
        def conductor_settings(self) -> tuple[str, type]:
            return self.name, Other

    class Provider(Plugin):
        @hookimpl
        async def conductor_discover_models(self) -> list[Model]:
            return []

    settings = {"run": {"timeout": 3.0}}
    session = make_session(settings, a=Plugin("run"), b=Plugin("nest"), c=Plugin("nest"), d=Provider("prompt"))
    assert session.settings("run", RunSettings).timeout == 3.0
    assert [fault.plugin for fault in session.plugins.faults] == ["a", "c", "d"]
    assert set(session.tables) == {*TABLES, "nest"}
