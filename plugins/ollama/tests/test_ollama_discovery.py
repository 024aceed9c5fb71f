"""Discovery over scripted servers: what is asked when, and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from codeconductor import InputError, Session, discover
from codeconductor.testing.servers import ScriptedModel, ScriptedOllama, held_until, refusing_host, silence, status
from codeconductor_ollama import discovery as probing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from codeconductor.testing.servers import Exchange, Fault, Frame

    Start = Callable[..., Session]

pytestmark = pytest.mark.anyio


async def test_a_server_that_tells_capabilities_in_its_list_is_asked_about_no_model(start: Start) -> None:
    """Three requests are enough since 0.30; `:latest` stays in the name, as the server says it."""
    models = [ScriptedModel(name="a:latest"), ScriptedModel(name="e:latest", embedding=True, loaded=False)]
    with ScriptedOllama(*models, version="0.30.0") as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
        assert sorted(request.path for request in ollama.requests) == ["/api/ps", "/api/tags", "/api/version"]
    assert [(model.id, model.kind, model.loaded) for model in found.models] == [
        ("ollama/a:latest", "chat", True),
        ("ollama/e:latest", "embedding", False),
    ]


async def test_the_list_and_what_is_in_memory_are_asked_for_at_once(start: Start) -> None:
    """And so is the version; none is answered here before all are asked."""

    async def all_asked(exchange: Exchange, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
        server = exchange.server
        await server.until(lambda: {r.path for r in server.requests} == {"/api/tags", "/api/ps", "/api/version"})
        async for frame in frames:
            yield frame

    with ScriptedOllama("a:1b", faults={"*": all_asked}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
    assert [(model.name, model.loaded) for model in found.models] == [("a:1b", True)]


async def test_an_older_server_is_asked_about_a_few_models_at_a_time(start: Start) -> None:
    """Four at once, as each reply is large."""
    names = [f"m{number}:1b" for number in range(9)]
    with ScriptedOllama(*names, version="0.11.0", faults={"/api/show": held_until(4)}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
        assert ollama.most_at_once("/api/show") == 4
        assert sorted(request.model for request in ollama.asked("/api/show")) == names
    assert {model.capabilities for model in found.models} == {frozenset({"completion"})}
    assert {model.context_length for model in found.models} == {32768}


async def test_two_hundred_models_are_listed_and_never_many_are_asked_about_at_once(start: Start) -> None:
    """Of a server that tells of each by itself alone."""
    names = [f"m{number}:1b" for number in range(200)]
    with ScriptedOllama(*names, version="0.11.0") as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
        assert ollama.most_at_once("/api/show") <= 4
    assert {model.name for model in found.models} == set(names)
    assert {(model.parallel, model.slots) for model in found.models} == {(200, 1)}


async def test_a_model_whose_longest_context_the_list_leaves_out_is_asked_about(start: Start) -> None:
    """A prompt that needs more than is in force would be refused otherwise."""
    entry = {"name": "a:1b", "size": 5_000_000_000, "details": {"format": "gguf"}, "capabilities": ["completion"]}
    listed = status(200, {"models": [entry]})
    with ScriptedOllama(ScriptedModel(name="a:1b", loaded_context_length=4096), faults={"/api/tags": listed}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (model,) = (await discover(session)).models
    assert (model.loaded, model.context_length, model.max_context_length) == (True, 4096, 32768)


async def test_a_cloud_model_is_listed_without_asking_about_it(start: Start) -> None:
    """Its signs in the list are enough."""
    models = [ScriptedModel(name="gpt-oss:120b-cloud", remote=True), ScriptedModel(name="a:1b")]
    with ScriptedOllama(*models, version="0.12.0") as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
        assert [request.model for request in ollama.asked("/api/show")] == ["a:1b"]
    assert {model.name: model.remote for model in found.models} == {"gpt-oss:120b-cloud": True, "a:1b": False}


async def test_what_is_in_memory_may_be_unknown(start: Start) -> None:
    """Servers before 0.1.38 have no such list; their models are listed all the same."""
    with ScriptedOllama("a:1b", faults={"/api/ps": status(404, "404 page not found")}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
    assert [(model.name, model.loaded, model.parallel) for model in found.models] == [("a:1b", None, 1)]
    assert found.problems == ()


async def test_details_that_do_not_come_cost_their_time_and_no_model(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that hangs in `/api/ps` and `/api/show` has its models listed before core gives the host up."""
    monkeypatch.setattr(probing, "DETAILS_WITHIN", 0.05)
    hanging = {"/api/ps": silence(), "/api/show": silence()}
    with ScriptedOllama("a:1b", "b:1b", version="0.11.0", faults=hanging) as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
    assert [(model.name, model.loaded) for model in found.models] == [("a:1b", None), ("b:1b", None)]


async def test_a_host_that_refuses_is_a_problem_with_what_to_do_and_leaves_the_others_alone(start: Start) -> None:
    """Every host is asked, and the hint starts the server."""
    with ScriptedOllama("a:1b") as ollama, refusing_host() as dead:
        async with start(hosts=[dead, ollama.host]) as session:
            found = await discover(session)
    assert [model.name for model in found.models] == ["a:1b"]
    (problem,) = found.problems
    assert (problem.provider, problem.host) == ("ollama", dead)
    assert "connection refused" in problem.error
    assert "`ollama serve`" in (problem.hint or "")


async def test_a_proxy_that_wants_a_key_is_not_taken_for_ollamas_cloud(start: Start) -> None:
    """Signing in there would not open it."""
    with ScriptedOllama("a:1b", faults={"/api/tags": status(401, {"error": "unauthorized"})}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (problem,) = (await discover(session)).problems
    assert "a proxy" in (problem.hint or "")
    assert "signin" not in (problem.hint or "")


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (status(404, "404 page not found"), "404"),
        (status(200, "<html>Welcome to the router</html>"), "no JSON"),
        (status(200, {"error": "Unexpected endpoint or method. (GET /api/tags)"}), "Unexpected endpoint"),
        (status(200, {"data": []}), "not one of Ollama's"),
        (status(200, {"models": [{"size": "large"}]}), "not one of Ollama's"),
    ],
)
async def test_another_program_at_the_address_is_a_problem_that_says_so(start: Start, reply: Fault, words: str) -> None:
    """What it said, and a question for the person who configured it."""
    with ScriptedOllama("a:1b", faults={"/api/tags": reply}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
    assert found.models == ()
    (problem,) = found.problems
    assert words in problem.error
    assert problem.hint


@pytest.mark.parametrize(
    ("version", "server", "is_old"),
    [("0.30.1", "Ollama 0.30.1", False), ("0.6.4", "Ollama 0.6.4", False), ("0.6.3", "Ollama 0.6.3", True)],
)
async def test_each_model_tells_its_server_and_what_an_old_one_lacks(
    start: Start, version: str, server: str, is_old: bool
) -> None:
    """Before 0.6.4 nobody tells what a model can."""
    with ScriptedOllama("a:1b", version=version) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (model,) = (await discover(session)).models
    assert model.server == server
    assert ("update Ollama" in (model.server_hint or "")) is is_old


@pytest.mark.parametrize(
    "fault", [status(404), silence(), status(200, {"version": None}), status(200, "[]", "application/json")]
)
async def test_a_server_that_does_not_tell_its_version_is_listed_all_the_same(
    start: Start, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    """It is waited for no longer than a moment: a version is nice to know."""
    monkeypatch.setattr(probing, "_GRACE", 0.01)
    with ScriptedOllama("a:1b", faults={"/api/version": fault}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
    assert found.problems == ()
    assert [(model.name, model.server, model.server_hint) for model in found.models] == [("a:1b", "Ollama", None)]


async def test_a_server_without_a_model_tells_how_to_get_one(start: Start) -> None:
    """It is running, so that "start Ollama" would not help; Go writes null for a list that was never made."""
    nothing = {"/api/tags": status(200, {"models": None}), "/api/ps": status(200, {"models": None})}
    with ScriptedOllama(faults=nothing) as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
    assert found.models == ()
    (problem,) = found.problems
    assert problem.error == f"{ollama.host} has no model"
    assert problem.hint is not None
    assert "ollama pull" in problem.hint


async def test_an_entry_of_the_list_that_is_no_model_costs_only_itself(start: Start) -> None:
    """One without a name, or with a size that is no number, hid every model of its host."""
    entries: list[object] = [{"name": "a:1b"}, {"name": None}, {}, None, "text", 5, {"name": "b:1b", "size": "big"}]
    listed = status(200, {"models": entries})
    with ScriptedOllama("a:1b", "b:1b", faults={"/api/tags": listed}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
    assert [(model.name, model.size) for model in found.models] == [("a:1b", None), ("b:1b", None)]
    assert found.problems == ()


async def test_no_model_is_asked_about_when_the_time_for_details_is_over(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of requests that are given up at once took so long that the host was given up, too."""
    monkeypatch.setattr(probing, "DETAILS_WITHIN", 0.0)
    with ScriptedOllama("a:1b", "b:1b", version="0.11.0") as ollama:
        async with start(hosts=[ollama.host]) as session:
            found = await discover(session)
        assert ollama.asked("/api/show") == []
    assert [model.name for model in found.models] == ["a:1b", "b:1b"]


async def test_a_host_that_is_given_twice_is_asked_once(start: Start) -> None:
    """Each model has one vote."""
    with ScriptedOllama("a:1b") as ollama:
        async with start(hosts=[ollama.host, f"{ollama.host}/"]) as session:
            found = await discover(session)
        assert len(ollama.asked("/api/tags")) == 1
    assert [model.id for model in found.models] == ["ollama/a:1b"]


async def test_ollama_host_counts_where_no_setting_does(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is read as Ollama reads it, here without a scheme, and is weaker than `hosts`."""
    with ScriptedOllama("a:1b") as ollama, refusing_host() as dead:
        monkeypatch.setenv("OLLAMA_HOST", ollama.host.removeprefix("http://"))
        async with start() as session:
            assert [model.host for model in (await discover(session)).models] == [ollama.host]
        async with start(hosts=[dead]) as session:
            assert [problem.host for problem in (await discover(session)).problems] == [dead]


def test_an_ollama_host_that_cannot_be_meant_is_refused_at_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would send prompts elsewhere, or nowhere; with `hosts` set it does not matter."""
    monkeypatch.setenv("OLLAMA_HOST", "user:secret@example.com")
    with pytest.raises(InputError, match="OLLAMA_HOST"):
        start()
    start(hosts=["http://127.0.0.1:1"], parallel=2)


@pytest.mark.parametrize("value", [0, -1, "many", 1.5, True])
def test_requests_at_once_are_a_number_above_0_or_auto(start: Start, value: object) -> None:
    """Anything else is exit 2, and names the setting."""
    with pytest.raises(InputError, match="parallel"):
        start(parallel=value)


async def test_an_address_that_cannot_be_asked_at_all_is_a_problem_of_its_own(start: Start) -> None:
    """The other hosts are asked."""
    too_long = f"http://{'a' * 300}:1"
    with ScriptedOllama("a:1b") as ollama:
        async with start(hosts=[too_long, ollama.host]) as session:
            found = await discover(session)
    assert [model.name for model in found.models] == ["a:1b"]
    assert [problem.host for problem in found.problems] == [too_long]
