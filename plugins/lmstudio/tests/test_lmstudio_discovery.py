"""Which models an LM Studio has, by whichever of its lists it answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import pytest
from codeconductor import Discovery, InputError, Model, discover
from codeconductor.testing.servers import ScriptedLMStudio, ScriptedModel, refusing_host, silence, status
from codeconductor_lmstudio.models import as_models, parameter_count
from codeconductor_lmstudio.wire import Instance, InstanceConfig, Native, Older

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Session

    Start = Callable[..., Session]

HOST = "http://127.0.0.1:1234"


def listed(session: Session) -> Discovery:
    async def run() -> Discovery:
        async with session:
            return await discover(session)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("native", "requests", "server_name"),
    [("v1", 1, "LM Studio 0.4 or later"), ("v0", 2, "LM Studio 0.3.6 or later"), ("none", 3, "LM Studio")],
)
def test_the_newest_list_is_found_by_its_shape(
    start: Start, native: Literal["v1", "v0", "none"], requests: int, server_name: str
) -> None:
    """Unknown paths answer with status 200, so only what a body holds counts."""
    with ScriptedLMStudio("acme/a", ScriptedModel(name="text-embedding-b", embedding=True), native=native) as server:
        found = listed(start(hosts=[server.host]))
    assert [(model.name, model.kind) for model in found.models] == [
        ("acme/a", "chat"),
        ("text-embedding-b", "embedding"),
    ]
    assert found.problems == ()
    assert len(server.requests) == requests
    assert {model.server for model in found.models} == {server_name}
    assert {bool(model.server_hint) for model in found.models} == {native != "v1"}


def test_all_hosts_are_asked_and_a_dead_one_costs_only_itself(start: Start) -> None:
    """A refused connection says how a server is started; the same model on two hosts is told apart."""
    with ScriptedLMStudio("a") as one, ScriptedLMStudio("a") as two, refusing_host() as dead:
        found = listed(start(hosts=[one.host, dead, two.host, one.host + "/"]))
    assert [model.id for model in found.models] == sorted(
        f"lmstudio/a@{server.host.removeprefix('http://')}" for server in (one, two)
    )
    [problem] = found.problems
    assert problem.host == dead
    assert "connection refused" in problem.error
    assert "`lms server start`" in (problem.hint or "")


@pytest.mark.parametrize(
    ("fault", "words", "hint"),
    [
        (status(200, {"hello": "world"}), "has no list of models", "another program"),
        (status(200, "<html>it works</html>"), "no JSON", "another program"),
        (status(404, {"detail": "Not Found"}), "HTTP 404", "another program"),
        (status(500, {"error": "boom"}), "boom", "`lms log stream`"),
    ],
)
def test_another_program_on_the_port_is_a_problem(start: Start, fault: Any, words: str, hint: str) -> None:
    """Whatever it answers: one line that names the host, and what to do."""
    with ScriptedLMStudio("a", faults={"*": fault}) as server:
        found = listed(start(hosts=[server.host]))
    [problem] = found.problems
    assert words in problem.error
    assert server.host in problem.error
    assert hint in (problem.hint or "")


def test_a_host_that_says_nothing_is_given_up(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits longer than core allows."""
    monkeypatch.setattr("codeconductor.discovery.asking.HOST_TIMEOUT", 0.05)
    with ScriptedLMStudio("a", faults={"*": silence()}) as server:
        [problem] = listed(start(hosts=[server.host])).problems
    assert "did not list its models" in problem.error


@pytest.mark.parametrize("native", ["v1", "v0", "none"])
def test_an_empty_list_says_what_may_be_the_reason(start: Start, native: Literal["v1", "v0", "none"]) -> None:
    """Nothing installed, or loading on demand is off and nothing loaded."""
    with ScriptedLMStudio(native=native) as server:
        [problem] = listed(start(hosts=[server.host])).problems
    assert "lists no model" in problem.error
    assert "just-in-time" in (problem.hint or "")


@pytest.mark.parametrize("variable", ["LM_API_TOKEN", "LMSTUDIO_API_TOKEN"])
def test_the_token_of_the_environment_is_sent(start: Start, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """Under the name of the documentation and of the SDK; a blank around it does no harm."""
    monkeypatch.setenv(variable, " sk-lm-0123456789 ")
    with ScriptedLMStudio("a", key="sk-lm-0123456789") as server:
        assert [model.name for model in listed(start(hosts=[server.host])).models] == ["a"]


def test_a_token_that_is_refused_is_not_shown(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's words repeat its beginning; the hint names the variable."""
    monkeypatch.setenv("LM_API_TOKEN", "sk-lm-wrong-0123456789")
    with ScriptedLMStudio("a", key="another") as server:
        [problem] = listed(start(hosts=[server.host])).problems
    assert "invalid API key: [key]..." in problem.error
    assert "LM_API_TOKEN" in (problem.hint or "")


def test_settings_are_checked(start: Start) -> None:
    """A host that is no URL and a number below one are the user's mistake."""
    for wrong in ({"hosts": ["localhost:1234"]}, {"parallel": 0}, {"parallel": "many"}, {"key": "x"}):
        with pytest.raises(InputError):
            start(**wrong)


# What the lists tell, as models


def native(key: str, *instances: str | Instance, **fields: Any) -> Native:
    loaded = tuple(Instance(id=one) if isinstance(one, str) else one for one in instances)
    return Native(key=key, loaded_instances=loaded, **fields)


def by_name(models: list[Model]) -> dict[str, Model]:
    return {model.name: model for model in models}


def test_several_instances_of_a_model_are_one_model() -> None:
    """Requests name the one that bears the model's name, so only its slots and its window count."""
    entries = [
        native(
            "a",
            Instance(id="a:2", config=InstanceConfig(context_length=8192, parallel=7)),
            Instance(id="a", config=InstanceConfig(context_length=4096, parallel=2)),
        )
    ]
    [model] = as_models(HOST, entries, "auto")
    assert (model.slots, model.context_length, model.parallel) == (2, 4096, 2)
    older = [Older(id="a", state="loaded"), Older(id="a:2", state="loaded"), Older(id="b:2", state="loaded")]
    assert [model.name for model in as_models(HOST, older, "auto")] == ["a", "b:2"]


def test_as_much_is_asked_at_once_as_all_models_hold() -> None:
    """Chat models alone count, also those that are still to be loaded; one that does not tell holds four."""
    two = Instance(id="a", config=InstanceConfig(parallel=2))
    entries = [native("a", two), native("b", "b"), native("c"), native("e", "e", type="embedding")]
    models = by_name(as_models(HOST, entries, "auto"))
    assert {model.parallel for model in models.values()} == {10}
    assert [models[name].slots for name in "abc"] == [2, 4, 4]
    assert [model.parallel for model in as_models(HOST, [native("e", type="embedding")], "auto")] == [1]
    assert [(model.parallel, model.slots) for model in as_models(HOST, entries[:1], 3)] == [(3, None)]


def test_an_older_server_is_asked_one_thing_at_a_time() -> None:
    """Its next load on demand may throw out the model that is answering; a number in the settings counts anyway."""
    older = [Older(id="a", state="loaded"), Older(id="b", state="loaded"), Older(id="c", state="not-loaded")]
    assert {(model.parallel, model.loads_apart) for model in as_models(HOST, older, "auto")} == {(1, False)}
    assert {model.parallel for model in as_models(HOST, older, 3)} == {3}


def test_missing_facts_are_not_made_up() -> None:
    """Every field but the name may be missing or null."""
    [model] = as_models(HOST, [Native(key="a")], "auto")
    assert (model.loaded, model.size, model.context_length, model.quantization) == (False, None, None, None)
    [model] = as_models(HOST, [Older(id="a")], "auto")
    assert (model.loaded, model.context_length, model.capabilities) == (None, None, frozenset())
    [model] = as_models(HOST, [Native(key="a", quantization={"name": None}, capabilities=["x"])], "auto")
    assert (model.quantization, model.capabilities) == (None, frozenset())


def test_reasoning_is_a_capability() -> None:
    """0.4 tells which models think."""
    told = {"vision": False, "trained_for_tool_use": True, "reasoning": {"default": "on"}}
    [model] = as_models(HOST, [native("a", capabilities=told)], "auto")
    assert model.capabilities == {"tools", "thinking"}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("4B", 4_000_000_000),
        ("0.6b", 600_000_000),
        ("270M", 270_000_000),
        ("8x7B", 56_000_000_000),
        ("", None),
        ("large", None),
        ("E4B", None),
        (None, None),
        (4, None),
    ],
)
def test_weights_are_counted(text: object, count: int | None) -> None:
    """As LM Studio writes them; anything else is not known."""
    assert parameter_count(text) == count
