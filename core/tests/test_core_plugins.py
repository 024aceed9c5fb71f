"""Plugins are called one by one, and cost only themselves when they fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import ConductorError, Consensus, InputError, hookimpl
from codeconductor.plugins import PluginInfo, Plugins
from codeconductor.testing import MakeSession, a_model, a_task

if TYPE_CHECKING:
    from collections.abc import Iterator


def registered(**objects: object) -> Plugins:
    """These plugins alone, also those that break the contract."""
    plugins = Plugins()
    for name, plugin in objects.items():
        plugins.register(plugin, PluginInfo(name, distribution=f"dist-{name}", version="1"))
    return plugins


# Strategies


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


# Weights


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


# The end of a run


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
