"""Discovery asks everybody at once, waits for nobody too long, and gives every model an id of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Model, Problem, ProviderError, discover, discover_hosts, hookimpl
from codeconductor.discovery import choose
from codeconductor.events import Discovered
from codeconductor.testing import MakeSession, a_model, record_events, run_at_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codeconductor import Discovery

FOREVER = 1e6


class Gives:
    """A plugin whose discovery gives, raises or awaits what a test wants."""

    def __init__(self, result: object = (), *, after: float = 0.0) -> None:
        self.result, self.after = result, after

    @hookimpl
    async def conductor_discover_models(self) -> Any:
        await asyncio.sleep(self.after)
        if isinstance(self.result, BaseException):
            raise self.result
        return self.result


def found(make_session: MakeSession, settings: dict[str, Any] | None = None, /, **plugins: object) -> Discovery:
    async def ask() -> Discovery:
        async with make_session(settings, **plugins) as session:
            return await discover(session)

    return run_at_once(ask())


def seconds(doing: Callable[[], Awaitable[object]]) -> tuple[float, Any]:
    async def measured() -> tuple[float, Any]:
        clock = asyncio.get_running_loop().time
        start = clock()
        result = await doing()
        return clock() - start, result

    return run_at_once(measured())


def test_every_plugin_is_asked_at_once(make_session: MakeSession) -> None:
    """Together they take as long as the slowest."""
    session = make_session(**{name: Gives([a_model(name)], after=4.0) for name in "abcdef"})
    took, discovery = seconds(lambda: discover(session))
    assert took == 4.0
    assert [model.id for model in discovery.models] == [f"acme/{name}" for name in "abcdef"]


def test_a_plugin_that_hangs_is_a_problem_within_the_limit(make_session: MakeSession) -> None:
    """The others are listed; nobody waits for more than 5 s a host."""
    session = make_session(good=Gives([a_model()]), hangs=Gives(after=FOREVER))
    took, discovery = seconds(lambda: discover(session))
    assert took == 5.5
    assert [model.plugin for model in discovery.models] == ["good"]
    [problem] = discovery.problems
    assert (problem.provider, problem.error) == ("hangs", "did not list its models within 5.5 s")
    assert "[plugins] disabled" in (problem.hint or "")


@pytest.mark.parametrize(
    ("result", "error", "hint"),
    [
        (ValueError("a bug"), "ValueError: a bug", "fault of the plugin"),
        (ProviderError("no route", hint="plug it in"), "no route", "plug it in"),
        (3, "TypeError: 'int' object is not iterable", "fault of the plugin"),
        ([a_model("x"), "parrot"], "gave str in place of a Model", "fault of the plugin"),
        (None, "TypeError: 'NoneType' object is not iterable", "fault of the plugin"),
        (SystemExit("no licence"), "SystemExit: no licence", "fault of the plugin"),
        (BaseException("a panic"), "BaseException: a panic", "fault of the plugin"),
        (type("GaveUp", (KeyboardInterrupt,), {})("bored"), "GaveUp: bored", "fault of the plugin"),
        (asyncio.CancelledError(), "CancelledError", "fault of the plugin"),
    ],
    ids=["bug", "provider error", "number", "text", "nothing", "exits", "panics", "gives up", "cancels itself"],
)
def test_a_plugin_that_fails_costs_only_itself(
    make_session: MakeSession, result: object, error: str, hint: str
) -> None:
    """It becomes a problem of its own, with what to do."""
    discovery = found(make_session, bad=Gives(result), good=Gives([a_model()]))
    assert [model.id for model in discovery.models] == ["acme/parrot"]
    (problem,) = discovery.problems
    assert (problem.provider, problem.host, problem.error) == ("bad", None, error)
    assert hint in (problem.hint or "")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (lambda: a_model(None), "TypeError: Model.name: expected str, got None"),  # type: ignore[arg-type]
        (lambda: a_model(host=None), "TypeError: Model.host: expected str, got None"),  # type: ignore[arg-type]
        (lambda: a_model(parameters="8B"), "TypeError: Model.parameters: expected int | None, got '8B'"),
        (
            lambda: Problem(provider="acme", error=404),  # type: ignore[arg-type]
            "TypeError: Problem.error: expected str, got 404",
        ),
        (lambda: a_model(slots=-1), "ValueError: acme/parrot: parallel and slots cannot be negative: None, -1"),
    ],
    ids=["name", "host", "count", "problem", "negative"],
)
def test_a_model_of_wrong_facts_is_a_fault_where_it_is_made(
    make_session: MakeSession, value: Callable[[], object], told: str
) -> None:
    """And not of the stage that stumbles over it later, with everybody's models."""

    class Wrong:
        @hookimpl
        async def conductor_discover_models(self) -> list[object]:
            return [value()]

    discovery = found(make_session, bad=Wrong(), good=Gives([a_model()]))
    assert [model.id for model in discovery.models] == ["acme/parrot"]
    assert [(problem.provider, problem.error) for problem in discovery.problems] == [("bad", told)]


def test_a_plugin_that_raises_before_it_waits_is_a_problem_as_well(make_session: MakeSession) -> None:
    """As a wrapper around discovery can; and once, however often one looks."""

    class Wrapper:
        @hookimpl(wrapper=True)
        def conductor_discover_models(self) -> Any:
            if self:
                raise ValueError("too early")
            return (yield)

    session = make_session(wrapper=Wrapper(), good=Gives([a_model()]))

    async def twice() -> list[Discovery]:
        return [await discover(session), await discover(session)]

    for discovery in run_at_once(twice()):
        assert [problem.error for problem in discovery.problems] == ["ValueError: too early"]


def test_models_and_problems_may_be_mixed_in_any_iterable(make_session: MakeSession) -> None:
    """Problems of hosts stand beside the models of others; every model knows its plugin."""
    problem = Problem(provider="acme", host="http://127.0.0.1:1", error="refused")
    discovery = found(make_session, acme=Gives(item for item in (a_model("b"), problem, a_model("a"))))
    assert [(model.name, model.plugin) for model in discovery.models] == [("a", "acme"), ("b", "acme")]
    assert discovery.problems == (problem,)


def test_what_was_found_is_told(make_session: MakeSession) -> None:
    """To whoever shows progress."""
    session = make_session(acme=Gives([a_model()]))
    log = record_events(session)
    discovery = run_at_once(discover(session))
    assert log.of(Discovered) == [Discovered(discovery.models, discovery.problems)]


def test_one_name_on_several_hosts_gets_the_host_into_its_id(make_session: MakeSession) -> None:
    """A name that stands on one host alone keeps the short id."""
    hosts = ["http://127.0.0.1:1", "http://127.0.0.1:2", "memory:"]
    models = [a_model("twin", host=host) for host in hosts] + [a_model("single", host=hosts[0])]
    discovery = found(make_session, acme=Gives(models))
    assert [model.id for model in discovery.models] == [
        "acme/single",
        "acme/twin@127.0.0.1:1",
        "acme/twin@127.0.0.1:2",
        "acme/twin@memory:",
    ]


def test_no_two_models_have_the_same_id(make_session: MakeSession) -> None:
    """Answers and votes go by it: two paths of one gateway, and an id that its plugin made up."""
    gateway = [a_model(host="http://gate:80/a"), a_model(host="http://gate:80/b"), a_model(host="http://far:80")]
    discovery = found(make_session, one=Gives(gateway), two=Gives([a_model("x", host="else:", id="acme/parrot")]))
    assert [model.id for model in discovery.models] == [
        "acme/parrot@else:",
        "acme/parrot@far:80",
        "acme/parrot@http://gate:80/a",
        "acme/parrot@http://gate:80/b",
    ]


def test_a_model_that_two_plugins_list_is_asked_of_the_first(make_session: MakeSession) -> None:
    """And a warning names both."""
    session = make_session(one=Gives([a_model()]), two=Gives([a_model()]))
    discovery = run_at_once(discover(session))
    assert [(model.id, model.plugin) for model in discovery.models] == [("acme/parrot", "one")]
    assert session.warnings == ["plugins 'one' and 'two' both list acme/parrot: the first is asked"]


def test_no_key_is_repeated_in_a_problem(make_session: MakeSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server's refusal may quote what it was sent."""
    monkeypatch.setenv("ACME_KEY", "sk-0123456789abcdef")
    session = make_session(acme=Gives(ProviderError("bad key sk-0123456...", hint="was sk-0123456789abcdef")))
    session.secret("env:ACME_KEY")
    (problem,) = run_at_once(discover(session)).problems
    assert "0123" not in f"{problem.error} {problem.hint}"


# What plugins use


def test_all_hosts_are_asked_at_once_each_within_the_limit() -> None:
    """A host that fails or hangs is a problem of its own; the order is that of the hosts."""

    async def probe(host: str) -> list[Model]:
        if host == "hangs:":
            await asyncio.sleep(FOREVER)
        await asyncio.sleep(2)
        if host == "fails:":
            raise ProviderError("said no", hint="ask nicely")
        return [a_model(host=host)]

    took, items = seconds(lambda: discover_hosts("acme", ["a:", "hangs:", "fails:", "b:"], probe))
    assert took == 5.0
    assert [item.host for item in items] == ["a:", "hangs:", "fails:", "b:"]
    assert [type(item) for item in items] == [Model, Problem, Problem, Model]
    assert (items[1].error, items[2].error, items[2].hint) == (
        "hangs: did not list its models within 5 s",
        "said no",
        "ask nicely",
    )


@pytest.mark.parametrize("late", [0.0, 0.8])
def test_a_host_that_hangs_costs_no_other_host_of_its_plugin(make_session: MakeSession, late: float) -> None:
    """Though the plugin began to ask late, as one does whose imports take long on a busy machine."""

    async def probe(host: str) -> list[Model]:
        await asyncio.sleep(FOREVER if host == "hangs:" else 0)
        return [a_model(host=host)]

    class Late:
        @hookimpl
        async def conductor_discover_models(self) -> Any:
            await asyncio.sleep(late)
            return await discover_hosts("acme", ["live:", "hangs:"], probe)

    session = make_session(late=Late())
    took, discovery = seconds(lambda: discover(session))
    assert took == pytest.approx(5.0 + late)
    assert [model.host for model in discovery.models] == ["live:"]
    assert [problem.host for problem in discovery.problems] == ["hangs:"]


# Who is asked


def test_a_host_that_fails_in_a_way_of_its_own_leaves_the_others_alone() -> None:
    """As one whose name no resolver takes."""

    async def probe(host: str) -> list[Model]:
        if host == "odd":
            raise UnicodeError("label too long")
        return [a_model(host=host)]

    good, odd = run_at_once(discover_hosts("acme", ["good", "odd"], probe))
    assert good == a_model(host="good")
    assert isinstance(odd, Problem)
    assert (odd.host, odd.error) == ("odd", "UnicodeError: label too long")


def test_loaded_models_come_first() -> None:
    """A model that has to be loaded waits; what is not known counts as loaded."""
    models = [a_model("a", loaded=False), a_model("b", loaded=True), a_model("c", loaded=None)]
    assert [model.name for model in choose(models)] == ["b", "c", "a"]


def test_an_embedding_model_is_never_asked() -> None:
    """Not even by its name."""
    assert choose([a_model("vectors", kind="embedding")], patterns=["vectors"]) == []


@pytest.mark.parametrize(
    ("patterns", "providers", "names"),
    [
        ([], [], ["llama:1b", "qwen:7b", "qwen:8b"]),
        (["qwen*"], [], ["qwen:7b", "qwen:8b"]),
        (["QWEN:8B"], [], ["qwen:8b"]),
        (["other/*"], [], ["qwen:8b"]),
        (["*:1b", "*:8b"], [], ["llama:1b", "qwen:8b"]),
        ([], ["other"], ["qwen:8b"]),
        (["llama*"], ["other"], []),
        (["qwen"], [], []),
    ],
)
def test_patterns_match_an_id_or_a_name(patterns: list[str], providers: list[str], names: list[str]) -> None:
    """As globs, whatever their case; with providers named, both must fit."""
    models = [a_model("llama:1b"), a_model("qwen:7b"), a_model("qwen:8b", provider="other")]
    assert sorted(model.name for model in choose(models, patterns=patterns, providers=providers)) == names
