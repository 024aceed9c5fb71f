"""Which models an OpenAI-compatible server has, and what kind of server it is."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Discovery, InputError, Model, discover
from codeconductor.testing.servers import ScriptedModel, ScriptedOpenAI, refusing_host, status
from codeconductor_openai_compatible.models import as_models, names_of
from codeconductor_openai_compatible.settings import base_address
from codeconductor_openai_compatible.wire import Entry, Generation, Meta, Props, Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Session

    Start = Callable[..., Session]

HOST = "http://127.0.0.1:8080"
LOADING = status(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})


def listed(session: Session) -> Discovery:
    async def run() -> Discovery:
        async with session:
            return await discover(session)

    return asyncio.run(run())


def test_nobody_is_asked_unless_configured(start: Start) -> None:
    """There is no default host: ports of such servers overlap with everything."""
    assert listed(start()) == Discovery((), ())


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_a_host_may_end_in_v1_or_not(start: Start, end: str) -> None:
    """It is added once, and never doubled."""
    with ScriptedOpenAI("a") as server:
        [model] = listed(start(hosts=[server.host + end])).models
        assert [request.path for request in server.requests] == ["/v1/models"]
    assert (model.host, model.id) == (server.host, "openai_compatible/a")


def test_a_path_in_front_of_v1_stays() -> None:
    """Behind a proxy a server may have one; a name that begins like it is none."""
    assert base_address("http://proxy/llm/v1/") == "http://proxy/llm"
    assert base_address("http://v1.example/v1") == "http://v1.example"


def test_a_model_without_a_name_is_none_and_a_length_below_zero_is_not_known(start: Start) -> None:
    """`"id": null` was a model called "None"; a length of -1 refused every prompt as too long."""
    entries = [{"id": None}, {"id": ""}, {"id": "a", "owned_by": "vllm", "max_model_len": -1}]
    with ScriptedOpenAI("a", faults={"/v1/models": status(200, {"data": entries})}) as server:
        [model] = listed(start(hosts=[server.host])).models
    assert (model.name, model.context_length, model.loaded) == ("a", None, None)


def test_a_host_written_twice_is_asked_once(start: Start) -> None:
    """With and without `/v1` it is the same server."""
    with ScriptedOpenAI("a") as server:
        found = listed(start(hosts=[server.host, f"{server.host}/v1"]))
        assert len(server.requests) == 1
    assert len(found.models) == 1


def test_llama_cpp_tells_its_window_and_its_slots(start: Start) -> None:
    """`/props` has the window of one slot, which is the real limit."""
    script = ScriptedModel(name="/srv/models/acme-7b.gguf", context_length=32768, loaded_context_length=4096)
    with ScriptedOpenAI(script, flavour="llama.cpp", slots=3) as server:
        [model] = listed(start(hosts=[server.host])).models
    assert (model.name, model.loaded, model.context_length, model.parallel) == ("acme-7b.gguf", True, 4096, 3)
    assert (model.size, model.server) == (script.size, "llama.cpp scripted")


def test_a_server_that_is_loading_is_listed_as_not_loaded(start: Start) -> None:
    """llama.cpp lists its model before it is there; the load is then waited for within its own limit."""
    with ScriptedOpenAI("a", flavour="llama.cpp", faults={"/props": LOADING}) as server:
        [model] = listed(start(hosts=[server.host])).models
    assert (model.loaded, model.context_length) == (False, 32768)


def test_props_that_are_not_given_cost_nothing(start: Start) -> None:
    """An operator may have switched them off."""
    with ScriptedOpenAI("a", flavour="llama.cpp", faults={"/props": status(501, {"error": "off"})}) as server:
        [model] = listed(start(hosts=[server.host])).models
    assert (model.loaded, model.context_length, model.parallel, model.server) == (None, 32768, 1, "llama.cpp")


def test_vllm_tells_its_window_and_takes_many_requests(start: Start) -> None:
    """What it serves is loaded."""
    with ScriptedOpenAI(ScriptedModel(name="acme/a", loaded_context_length=8192), flavour="vllm") as server:
        [model] = listed(start(hosts=[server.host])).models
    assert (model.loaded, model.context_length, model.parallel, model.server) == (True, 8192, 8, "vLLM")


@pytest.mark.parametrize("flavour", ["plain", "llama.cpp", "vllm"])
def test_a_number_in_the_settings_counts_everywhere(start: Start, flavour: Any) -> None:
    """Whatever the server tells."""
    with ScriptedOpenAI("a", flavour=flavour) as server:
        [model] = listed(start(hosts=[server.host], parallel=5)).models
    assert model.parallel == 5


@pytest.mark.parametrize(
    ("fault", "words", "hint"),
    [
        (status(200, {"data": None}), "no list of models", "the address of"),
        (status(200, {"object": "list"}), "no list of models", "the address of"),
        (status(200, {"error": "Unexpected endpoint or method. (GET /v1/models)"}), "Unexpected endpoint", "address"),
        (status(200, "<html>it works</html>"), "no JSON", "the address of"),
        (status(404, "not here"), "HTTP 404", "the address of"),
        (LOADING, "Loading model", "wait until"),
        (status(200, {"object": "list", "data": []}), "lists no model", "load one there"),
    ],
)
def test_a_server_without_a_list_is_a_problem(start: Start, fault: Any, words: str, hint: str) -> None:
    """Judged by the shape of what it answers; the host is named, and what to do."""
    with ScriptedOpenAI("a", faults={"/v1/models": fault}) as server:
        [problem] = listed(start(hosts=[server.host])).problems
    assert words in problem.error
    assert server.host in problem.error
    assert hint in (problem.hint or "")


def test_a_dead_host_is_a_problem_beside_live_ones(start: Start) -> None:
    """With what to do."""
    with ScriptedOpenAI("a") as server, refusing_host() as dead:
        found = listed(start(hosts=[dead, server.host]))
    assert [model.name for model in found.models] == ["a"]
    [problem] = found.problems
    assert (problem.host, problem.provider) == (dead, "openai_compatible")
    assert "hosts" in (problem.hint or "")


# Keys


def test_a_key_goes_to_its_own_host_alone(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found with and without `/v1`, and its value is nowhere in the settings."""
    monkeypatch.setenv("ACME_KEY", "k-0123456789")
    with ScriptedOpenAI("a", key="k-0123456789") as locked, ScriptedOpenAI("b") as other:
        session = start(hosts=[locked.host, other.host], api_keys={f"{locked.host}/v1": "env:ACME_KEY"})
        assert [model.name for model in listed(session).models] == ["a", "b"]
        assert all("authorization" not in request.headers for request in other.requests)
    assert session.warnings == []


def test_a_key_that_is_not_set_is_a_problem(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent without it."""
    monkeypatch.delenv("ACME_KEY", raising=False)
    with ScriptedOpenAI("a") as server:
        [problem] = listed(start(hosts=[server.host], api_keys={server.host: "env:ACME_KEY"})).problems
        assert server.requests == []
    assert "env:ACME_KEY" in problem.error
    assert "ACME_KEY" in (problem.hint or "")


def test_a_key_that_is_refused_is_not_shown(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some servers repeat its beginning."""
    monkeypatch.setenv("ACME_KEY", "wrong-0123456789")
    with ScriptedOpenAI("a", key="k-0123456789") as server:
        [problem] = listed(start(hosts=[server.host], api_keys={server.host: "env:ACME_KEY"})).problems
    assert "invalid API key: [key]..." in problem.error
    assert "api_keys" in (problem.hint or "")


def test_a_key_for_nobody_is_told(start: Start) -> None:
    """A spelling mistake in a host would leave it without its key."""
    session = start(api_keys={"http://127.0.0.1:9": "env:ACME_KEY"})
    listed(session)
    [warning] = session.warnings
    assert "http://127.0.0.1:9" in warning


@pytest.mark.parametrize(
    "wrong",
    [
        {"hosts": ["localhost:1234"]},
        {"hosts": ["ftp://localhost"]},
        {"parallel": 0},
        {"api_keys": ["env:X"]},
        {"api_keys": {HOST: 1}},
        {"api_keys": {HOST: "env:"}},
        {"key": "x"},
    ],
)
def test_settings_are_checked(start: Start, wrong: dict[str, Any]) -> None:
    """What is wrong in the user's own files is the user's to correct."""
    with pytest.raises(InputError):
        start(**wrong)


def test_a_key_written_into_the_settings_is_refused_and_not_repeated(start: Start) -> None:
    """Settings are shown by `conductor config` and lie in files."""
    with pytest.raises(InputError, match="env:NAME") as raised:
        start(api_keys={HOST: "sk-0123456789"})
    assert "sk-0123456789" not in raised.value.message + str(raised.value.hint)


# What the lists tell, as models


def one(entry: Entry, props: Props | None = None, is_ready: bool = True) -> Model:
    [model] = as_models(HOST, [entry], props, is_ready, "auto").values()
    return model


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("/home/me/models/a.gguf", "a.gguf"),
        ("models/a.gguf", "a.gguf"),
        ("../a", "a"),
        ("~/a.gguf", "a.gguf"),
        ("C:\\models\\a.gguf", "a.gguf"),
        ("acme/a-7b", "acme/a-7b"),
        ("a:7b", "a:7b"),
        ("a.gguf", "a.gguf"),
    ],
)
def test_files_are_called_by_their_base_name(model: str, name: str) -> None:
    """The folders of a server are nobody's business, while a publisher belongs to the name."""
    assert names_of([model]) == {model: name}


def test_two_files_of_one_name_keep_what_tells_them_apart() -> None:
    """Every model can be asked."""
    assert names_of(["/one/a.gguf", "/two/a.gguf"]) == {"/one/a.gguf": "a.gguf", "/two/a.gguf": "/two/a.gguf"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("nomic-embed-text", "embedding"),
        ("text-embedding-3", "embedding"),
        ("BAAI/bge-m3", "embedding"),
        ("gte-large", "embedding"),
        ("intfloat/multilingual-e5-large", "embedding"),
        ("gemma-3n-e4b", "chat"),
        ("all-MiniLM-L6", "embedding"),
        ("qwen3-reranker", "embedding"),
        ("whisper-1", "embedding"),
        ("tts-1", "embedding"),
        ("qwen3-8b", "chat"),
        ("subgenius", "chat"),
        ("watts", "chat"),
    ],
)
def test_what_cannot_chat_is_told_by_its_name(name: str, kind: str) -> None:
    """Nothing else tells it apart."""
    assert one(Entry(id=name)).kind == kind


@pytest.mark.parametrize(
    ("state", "loaded"), [("loaded", True), ("loading", False), ("unloaded", False), ("sleeping", False), (None, None)]
)
def test_a_router_tells_the_state_of_each_model(state: str | None, loaded: bool | None) -> None:
    """llama.cpp without a model of its own."""
    assert one(Entry(id="a", owned_by="llamacpp", status=Status(value=state))).loaded is loaded


def test_a_server_that_sleeps_loads_again() -> None:
    """Its model is not in memory."""
    assert one(Entry(id="a"), Props(default_generation_settings=Generation(), is_sleeping=True)).loaded is False


def test_facts_of_the_file_are_taken_where_there_are_any() -> None:
    """Missing ones stay unknown; zero is unknown too."""
    meta = Meta(n_ctx_train=8192, n_params=135_000_000, size=98_000_000)
    model = one(Entry(id="a", meta=meta, architecture={"input_modalities": ["text", "image"]}))
    assert (model.context_length, model.parameters, model.size) == (8192, 135_000_000, 98_000_000)
    assert model.capabilities == {"vision"}
    assert one(Entry(id="a", meta=Meta(n_params=0), max_model_len=0)).parameters is None


def test_without_a_host_nothing_is_imported_to_look_for_models(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Most people configure none, and every run would wait for it."""
    module = "codeconductor_openai_compatible.discovery"
    monkeypatch.delitem(sys.modules, module, raising=False)
    assert listed(start()) == Discovery(models=(), problems=())
    assert module not in sys.modules
