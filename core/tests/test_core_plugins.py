"""Plugins are found by metadata, checked, called one by one, and cost only themselves when they fail."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import Chunk, ConductorError, Consensus, InputError, Model, ProviderError, RunSettings, hookimpl
from codeconductor.errors import PluginError
from codeconductor.plugins import PluginInfo, Plugins, commands, installed
from codeconductor.session import Session
from codeconductor.settings import TABLES
from codeconductor.testing import MakeSession, a_model, a_query, a_task, new_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from codeconductor import Query


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
    """A provider that repeats the question."""

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        return [a_model()]

    @hookimpl
    def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
        return self.parrot(query) if model.provider == "acme" else None

    async def parrot(self, query: Query) -> AsyncIterator[Chunk]:
        yield Chunk(text=query.messages[-1].content)


async def said(session: Session, model: Model) -> str:
    stream = session.plugins.query_model(session, model, a_query("Hello"))
    return "".join([chunk.text async for chunk in stream])


MINE = a_model(plugin="parrot")


# Installed plugins, from metadata


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts distributions into a folder of the path: metadata and, where there is a source, a module."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)

    def add(distribution: str, entry_points: str, **modules: str) -> None:
        info = folder / f"{distribution}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(entry_points)
        for name, source in modules.items():
            (folder / f"{name}.py").write_text(source)

    yield add
    for name in set(sys.modules) - before:
        if name.startswith("plug_"):
            del sys.modules[name]


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


# Calling


def test_a_plugin_that_raises_costs_only_itself() -> None:
    """Others' strategies are there, and the fault names plugin, distribution and hook."""

    class Strategy:
        def __init__(self, name: object) -> None:
            self.name = name

        async def decide(self, task: object, answers: object, bench: object) -> None: ...

    class Good:
        @hookimpl
        def conductor_consensus_strategies(self) -> Iterator[object]:
            yield Strategy("good")

    class Raises:
        @hookimpl
        def conductor_consensus_strategies(self) -> list[object]:
            raise ValueError("no")

    class RaisesLate:
        @hookimpl
        def conductor_consensus_strategies(self) -> Iterator[object]:
            yield Strategy("early")
            raise ValueError("too late")

    class Wrong:
        @hookimpl
        def conductor_consensus_strategies(self) -> list[object]:
            return [Strategy(3), object(), Strategy("right")]

    class None_:
        @hookimpl
        def conductor_consensus_strategies(self) -> int:
            return 3

    plugins = registered(a=Raises(), b=RaisesLate(), c=Wrong(), d=Good(), e=None_())
    named = plugins.consensus_strategies()
    assert {name: plugin for name, (plugin, _) in named.items()} == {"right": "c", "good": "d"}
    assert [(fault.plugin, fault.hook) for fault in plugins.faults] == [
        (plugin, "conductor_consensus_strategies") for plugin in ("a", "b", "c", "c", "e")
    ]
    assert str(plugins.faults[0]) == ("plugin 'a' (dist-a) failed in conductor_consensus_strategies: ValueError: no")


def test_two_plugins_with_one_strategy_are_an_error_that_names_both() -> None:
    """And says how to get rid of one."""

    class Strategy:
        name = "best"

        async def decide(self, task: object, answers: object, bench: object) -> None: ...

    class Plugin:
        @hookimpl
        def conductor_consensus_strategies(self) -> list[object]:
            return [Strategy()]

    with pytest.raises(InputError) as caught:
        registered(one=Plugin(), two=Plugin()).consensus_strategies()
    assert all(name in caught.value.message for name in ("'best'", "'one'", "'two'", "dist-one", "dist-two"))
    assert caught.value.hint == "disable one of them: [plugins] disabled = ['two']"


def test_an_unknown_name_offers_the_nearest_and_none_at_all_the_package() -> None:
    """As of strategies and renderers alike."""
    plugins = registered()
    with pytest.raises(InputError, match="no strategy is installed") as caught:
        plugins.pick("strategy", "best", {}, "codeconductor-x")
    assert caught.value.hint == "install one: pip install codeconductor-x"
    with pytest.raises(InputError, match="unknown strategy 'bst'") as caught:
        plugins.pick("strategy", "bst", {"best": ("a", object())}, "codeconductor-x")
    assert caught.value.hint == "did you mean 'best'?"


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


def test_a_plugin_that_ends_the_program_costs_only_itself() -> None:
    """As a library for command lines does where something is missing."""

    class Exits:
        @hookimpl
        def conductor_consensus_strategies(self) -> list[object]:
            raise SystemExit("no licence")

    class Panics:
        @hookimpl
        def conductor_consensus_strategies(self) -> list[object]:
            raise BaseException("index out of bounds")  # as the panics of libraries in Rust are

    class Nameless:
        @property
        def name(self) -> str:
            raise RuntimeError("no name")

    class Brings:
        @hookimpl
        def conductor_consensus_strategies(self) -> list[object]:
            return [Nameless()]

    plugins = registered(a=Exits(), b=Brings(), c=Panics())
    assert plugins.consensus_strategies() == {}
    assert [fault.error for fault in plugins.faults] == [
        "SystemExit: no licence",
        "RuntimeError: no name",
        "BaseException: index out of bounds",
    ]


# Asking a model


def test_a_model_is_asked_of_the_plugin_that_discovered_it(make_session: MakeSession) -> None:
    """Another plugin that answers for everything is not called."""

    class Greedy:
        @hookimpl(tryfirst=True)
        def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
            raise AssertionError("asked for a model of somebody else")

    session = make_session(greedy=Greedy(), parrot=Parrot())
    assert asyncio.run(said(session, MINE)) == "Hello"


def test_a_cache_wraps_every_query(make_session: MakeSession) -> None:
    """A third party's wrapper may answer in place of the plugin, and must expect None."""

    class Cache:
        def __init__(self) -> None:
            self.stored: dict[tuple[str, str], list[Chunk]] = {}
            self.asked = 0

        @hookimpl(wrapper=True)
        def conductor_query_model(self, model: Model, query: Query) -> Any:
            stream = yield
            return None if stream is None else self.played(model.id, query, stream)

        async def played(self, name: str, query: Query, stream: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
            key = (name, query.messages[-1].content)
            if key not in self.stored:
                self.asked += 1
                self.stored[key] = [chunk async for chunk in stream]
            for chunk in self.stored[key]:
                yield chunk

    cache = Cache()
    session = make_session(cache=cache, parrot=Parrot())
    assert [asyncio.run(said(session, MINE)) for _ in range(2)] == ["Hello", "Hello"]
    assert cache.asked == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_wrapper_that_raises_is_the_one_that_is_named(
    install: Callable[..., None], project_folder: Path, when: str
) -> None:
    """Not the owner of the model, who did nothing wrong."""
    source = "from codeconductor import hookimpl\n@hookimpl(wrapper=True)\ndef conductor_query_model(model):\n"
    source += "    1 / 0\n    return (yield)\n" if when == "before" else "    yield\n    1 / 0\n"
    install("acme", "", plug_wrapper=source)
    import plug_wrapper  # type: ignore[import-not-found]

    session = new_session(project_folder, wrapper=plug_wrapper, parrot=Parrot())
    with pytest.raises(PluginError, match="plugin 'wrapper'") as caught:
        session.plugins.query_model(session, MINE, a_query())
    assert "ZeroDivisionError" in caught.value.message


def test_a_wrapper_that_raises_in_discovery_is_the_one_that_is_named(
    install: Callable[..., None], project_folder: Path
) -> None:
    """Whichever plugin it was called around."""
    source = "from codeconductor import hookimpl\n@hookimpl(wrapper=True)\ndef conductor_discover_models(session):\n"
    install("acme", "", plug_around=source + "    1 / 0\n    return (yield)\n")
    import plug_around  # type: ignore[import-not-found]

    session = new_session(project_folder, around=plug_around, parrot=Parrot())
    assert session.plugins.discover_models(session) == []
    assert [fault.plugin for fault in session.plugins.faults] == ["around"]


@pytest.mark.parametrize(
    ("result", "told"),
    [(None, "declined acme/parrot, a model of its own"), ("text", "gave str for acme/parrot, not an async iterator")],
)
def test_an_owner_that_does_not_answer_is_told(make_session: MakeSession, result: object, told: str) -> None:
    """It declines its own model, or gives something else than chunks."""

    class Owner:
        @hookimpl
        def conductor_query_model(self) -> object:
            return result

    session = make_session(parrot=Owner())
    with pytest.raises(PluginError, match=told):
        session.plugins.query_model(session, MINE, a_query())


def test_an_owner_may_say_no_in_its_own_words(make_session: MakeSession) -> None:
    """A `ProviderError` is passed on as it is; anything else is a fault of the plugin."""

    class Owner:
        def __init__(self, error: Exception) -> None:
            self.error = error

        @hookimpl
        def conductor_query_model(self) -> object:
            raise self.error

    session = make_session(parrot=Owner(ProviderError("full", kind="overloaded")))
    with pytest.raises(ProviderError, match="full"):
        session.plugins.query_model(session, MINE, a_query())
    session = make_session(parrot=Owner(ValueError("bad")))
    with pytest.raises(PluginError, match=r"plugin 'parrot' \(codeconductor-parrot\) failed .* ValueError: bad"):
        session.plugins.query_model(session, MINE, a_query())


def test_a_model_without_its_plugin_cannot_be_asked(make_session: MakeSession) -> None:
    """As of a recorded run whose plugin was uninstalled."""
    session = make_session()
    for model in (MINE, a_model()):
        with pytest.raises(PluginError, match="is not loaded"):
            session.plugins.query_model(session, model, a_query())


# The other hooks


def test_weights_come_from_the_first_plugin_that_knows_the_model(make_session: MakeSession) -> None:
    """Others fill in what it leaves out; nonsense is warned about; who is unknown to all has the weight 1."""
    from codeconductor.consensus import TrackRecord, collect_weights

    class Knows:
        def __init__(self, weights: object) -> None:
            self.weights = weights

        @hookimpl
        def conductor_model_weights(self) -> object:
            return self.weights

    models = [a_model(name) for name in ("one", "two", "three", "four", "five")]
    session = make_session(
        a=Knows({"acme/one": 2, "acme/three": float("nan"), "acme/four": True}),
        b=Knows({"acme/one": 9.0, "acme/two": 0.5, "acme/three": -1, "acme/five": 10**400}),
        c=Knows(None),
        d=Knows("no mapping"),
    )
    assert collect_weights(session, a_task(), models, TrackRecord()) == {
        "acme/one": 2.0,
        "acme/two": 0.5,
        "acme/three": 1.0,
        "acme/four": 1.0,
        "acme/five": 1.0,
    }
    assert len(session.warnings) == 5


def test_weights_that_no_plugin_knows_are_those_of_the_track_record(make_session: MakeSession) -> None:
    """What is learned stands behind what somebody has set."""
    from codeconductor.consensus import TrackRecord, collect_weights

    record = TrackRecord(weights={"acme/one": 0.7, "acme/two": 1.0})
    weights = collect_weights(make_session(), a_task(), [a_model("one"), a_model("two")], record)
    assert weights == {"acme/one": 0.7, "acme/two": 1.0}


def test_everybody_hears_that_a_run_has_finished() -> None:
    """Though one of them raises."""
    heard: list[object] = []

    class Hears:
        @hookimpl
        def conductor_run_finished(self, run: object) -> None:
            heard.append(run)

    class Raises:
        @hookimpl
        def conductor_run_finished(self) -> None:
            raise ConductorError("disk full", hint="make room")

    plugins = registered(a=Raises(), b=Hears())
    run: Any = object()
    plugins.run_finished(None, run)  # type: ignore[arg-type]  # nobody looks at the session
    assert heard == [run]
    assert [(fault.plugin, fault.hint) for fault in plugins.faults] == [("a", "make room")]


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


def test_the_example_of_the_contract_works(make_session: MakeSession) -> None:
    """Objects with a name and one verb need no base class."""

    class Longest:
        name = "longest"

        async def decide(self, task: object, answers: Any, bench: object) -> Consensus:
            best = max(answers, key=lambda answer: len(answer.text))
            return Consensus(outcome={"text": best.text}, agreement=1 / len(answers), choice=best)

    class Plugin:
        @hookimpl
        def conductor_consensus_strategies(self) -> list[object]:
            return [Longest()]

    assert list(make_session(longest=Plugin()).plugins.consensus_strategies()) == ["longest"]
