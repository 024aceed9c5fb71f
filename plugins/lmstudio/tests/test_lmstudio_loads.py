"""Models that must be loaded, have left memory, or are gone: each loaded once, and each failure with its remedy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Answer, Message, Query, discover
from codeconductor.dispatch import Limits, dispatch
from codeconductor.testing import a_query
from codeconductor.testing.servers import (
    ScriptedLMStudio,
    ScriptedModel,
    error_frame,
    failed,
    held_until,
    only_first,
    overloaded,
    removed,
    reset,
    silence,
    status,
    unloaded,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Session

    Start = Callable[..., Session]

CHAT, LOAD, LIST = "/v1/chat/completions", "/api/v1/models/load", "/api/v1/models"
LONG = Query(messages=[Message("user", "word " * 3000)])


def answers(
    session: Session,
    query: Query | None = None,
    *,
    then: Callable[[], object] | None = None,
    **options: Any,
) -> list[Answer]:
    """Every answer of every chat model, loaded ones first; `then` happens between discovery and asking."""

    async def run() -> list[Answer]:
        async with session:
            models = [model for model in (await discover(session)).models if model.kind == "chat"]
            models.sort(key=lambda model: model.loaded is False)
            if then is not None:
                then()
            async with dispatch(session, models, query or a_query(), **options) as arrivals:
                return [answer async for answer in arrivals]

    return asyncio.run(run())


def test_the_window_of_a_load_fits_the_prompt(start: Start) -> None:
    """A power of two, and no more than the model can; without it the server would take one of its own."""
    models = [
        ScriptedModel(name=name, loaded=False, context_length=size) for name, size in (("a", 131072), ("b", 10_000))
    ]
    with ScriptedLMStudio(*models) as server:
        told = answers(start(hosts=[server.host]), LONG)
    assert [answer.error for answer in told] == [None, None]
    assert {load.model: load.context_length for load in server.loads} == {"a": 16384, "b": 10_000}


def test_a_model_that_is_still_to_load_has_slots_of_its_own(start: Start) -> None:
    """Nothing is in memory at the beginning, and then four questions are answered at once."""
    model = ScriptedModel(name="a", loaded=False, fault=held_until(4))
    with ScriptedLMStudio(model) as server:
        told = answers(start(hosts=[server.host]), samples=4)
    assert [answer.error for answer in told] == [None] * 4
    assert (len(server.loads), server.most_at_once(CHAT)) == (1, 4)


def test_a_load_counts_against_its_own_limit(start: Start) -> None:
    """The hint names it; the question is not asked."""
    with ScriptedLMStudio(ScriptedModel(name="a", loaded=False, load_seconds=30)) as server:
        [answer] = answers(start(hosts=[server.host]), limits=Limits(timeout=20, load_timeout=0.2))
        assert server.asked(CHAT) == []
    assert answer.error is not None
    assert (answer.error.kind, answer.error.hint) == ("timeout", "raise --load-timeout")


def test_a_load_that_breaks_off_is_not_begun_again(start: Start) -> None:
    """It may go on at the server: a second one would take the memory twice."""
    with ScriptedLMStudio(ScriptedModel(name="a", loaded=False), faults={LOAD: reset()}) as server:
        told = answers(start(hosts=[server.host]), samples=2)
        assert len(server.asked(LOAD)) == 1
    assert [answer.error.kind for answer in told if answer.error] == ["protocol"] * 2


def test_a_load_that_meets_a_busy_server_is_tried_again(start: Start) -> None:
    """It said that it has not begun."""
    with ScriptedLMStudio(ScriptedModel(name="a", loaded=False), faults={LOAD: only_first(1, overloaded())}) as server:
        [answer] = answers(start(hosts=[server.host]))
        assert (answer.error, len(server.loads)) == (None, 1)


def test_a_model_that_somebody_else_has_loaded_meanwhile_is_not_loaded_again(start: Start) -> None:
    """Its window is the one in force: a prompt that was cut to it is told."""

    def load_it() -> None:
        server.windows["a"] = 1024
        server.loaded.add("a")

    with ScriptedLMStudio(ScriptedModel(name="a", loaded=False), cuts=True) as server:
        session = start(hosts=[server.host])
        [answer] = answers(session, LONG, then=load_it)
        assert server.loads == []
    assert (answer.usage.context_length, answer.prompt_cut) == (1024, True)
    assert "cut it to 1024" in session.warnings[0]


@pytest.mark.parametrize("jit", [True, False])
def test_a_model_that_has_left_memory_answers_all_the_same(start: Start, jit: bool) -> None:
    """The server loads it on demand, or says that it is gone: then it is loaded, once for all samples."""
    with ScriptedLMStudio(ScriptedModel(name="a", fault=only_first(1, unloaded())), jit=jit) as server:
        told = answers(start(hosts=[server.host]), samples=3)
        assert [answer.error for answer in told] == [None] * 3
        assert {load.on_demand for load in server.loads} == {jit}
        assert jit or len(server.loads) == 1  # questions that meet have such a server load more than once


def test_a_model_that_is_unloaded_before_its_first_word_is_loaded_again(start: Start) -> None:
    """Nothing of its answer is lost; after the first word it is kept, and nothing is asked again."""
    with ScriptedLMStudio(ScriptedModel(name="a", fault=only_first(1, unloaded(after=0)))) as server:
        [answer] = answers(start(hosts=[server.host]))
        assert (answer.error, len(server.asked(LOAD))) == (None, 1)
    with ScriptedLMStudio(ScriptedModel(name="a", reply="abc", chunk=1, fault=unloaded(after=1))) as server:
        [answer] = answers(start(hosts=[server.host]))
        assert (len(server.asked(CHAT)), server.asked(LOAD)) == (1, [])
    assert answer.error is not None
    assert (answer.text, answer.error.kind) == ("a", "server")
    assert "auto-evict" in (answer.error.hint or "")


def test_an_older_server_with_loading_on_demand_off_says_what_to_do(start: Start) -> None:
    """It has no way to be told to load."""
    gone = status(400, {"error": {"message": "No models loaded. Please load a model.", "param": "model"}})
    with ScriptedLMStudio(ScriptedModel(name="a", fault=gone), native="v0") as server:
        [answer] = answers(start(hosts=[server.host]))
        assert len(server.asked(CHAT)) == 2
    assert answer.error is not None
    assert answer.error.kind == "refused"
    assert "`lms load`" in (answer.error.hint or "")


def test_an_older_server_throws_no_model_out_that_has_still_to_answer(start: Start) -> None:
    """Every model answers all of its samples before the next one comes in, so each is loaded once."""
    models = [ScriptedModel(name=name, loaded=name == "a") for name in "abc"]
    with ScriptedLMStudio(*models, native="v0") as server:
        told = answers(start(hosts=[server.host]), samples=2)
        assert [answer.error for answer in told] == [None] * 6
        assert [request.model for request in server.asked(CHAT)] == list("aabbcc")
        assert [load.model for load in server.loads] == ["b", "c"]


@pytest.mark.parametrize("loaded", [True, False])
def test_a_model_that_was_deleted_is_refused(start: Start, loaded: bool) -> None:
    """The hint is how to get it back."""
    model = ScriptedModel(name="a", loaded=loaded, fault=removed())
    with ScriptedLMStudio(model) as server:
        [answer] = answers(start(hosts=[server.host]), then=None if loaded else lambda: server.models.pop("a"))
        assert server.asked(LOAD) == []
    assert answer.error is not None
    assert answer.error.kind == "refused"
    assert "`lms get`" in (answer.error.hint or "")


def test_a_model_that_the_server_does_not_know_when_it_is_to_be_loaded_is_refused(start: Start) -> None:
    """Not a load that failed: no memory would help."""
    missing = status(404, {"error": {"message": "Model a not found", "code": "model_not_found"}})
    with ScriptedLMStudio(ScriptedModel(name="a", loaded=False), faults={LOAD: missing}) as server:
        [answer] = answers(start(hosts=[server.host]))
    assert answer.error is not None
    assert answer.error.kind == "refused"
    assert "`lms get`" in (answer.error.hint or "")


@pytest.mark.parametrize(
    "unknown",
    [
        status(404, "404 page not found"),
        status(405, ""),
        status(200, {"error": "Unexpected endpoint or method. (POST /api/v1/models/load)"}),
    ],
)
def test_a_server_without_a_request_to_load_is_asked_at_once(start: Start, unknown: Any) -> None:
    """A proxy may let questions alone through: the question loads the model, within the time of a load."""
    cold = ScriptedModel(name="a", reply="Hello.", loaded=False)
    hangs = ScriptedModel(name="b", loaded=False, fault=silence())
    with ScriptedLMStudio(cold, faults={LOAD: unknown}) as server:
        [answered] = answers(start(hosts=[server.host]), limits=Limits(timeout=60, load_timeout=60))
        assert [load.on_demand for load in server.loads] == [True]
    with ScriptedLMStudio(hangs, faults={LOAD: unknown}) as server:
        [hung] = answers(start(hosts=[server.host]), limits=Limits(timeout=60, load_timeout=0.1))
    assert (answered.error, answered.text) == (None, "Hello.")
    assert hung.error is not None
    assert (hung.error.kind, hung.error.message) == ("timeout", "not loaded within 0.1 s")


@pytest.mark.parametrize(
    ("fault", "kind", "hint"),
    [
        (failed(401, "invalid API key"), "refused", "LM_API_TOKEN"),
        (failed(403, "no"), "refused", "permission"),
        (failed(400, "unrecognized_keys"), "refused", "`lms log stream`"),
        (failed(500, "boom"), "server", "`lms log stream`"),
        (failed(400, 'Failed to load model "a". Error: insufficient system resources'), "server", "`lms unload --all`"),
        (failed(400, "Engine protocol startup was aborted"), "server", "another load came between"),
        (status(413, "too large"), "refused", "shorten the task"),
        (error_frame(0, "Compute error."), "server", "`lms unload --all`"),
        (error_frame(0, "The model has crashed without additional information. (Exit code: 6)"), "server", "memory"),
        (
            error_frame(0, "Reached context length of 4096 tokens"),
            "context_overflow",
            "`lms load a --context-length N`",
        ),
        (failed(400, "Context size has been exceeded."), "context_overflow", "`lms unload a`"),
    ],
)
def test_each_failure_has_lm_studios_own_remedy(start: Start, fault: Any, kind: str, hint: str) -> None:
    """By its status, or by its words where they come with several."""
    with ScriptedLMStudio(ScriptedModel(name="a", fault=fault)) as server:
        [answer] = answers(start(hosts=[server.host]))
    assert answer.error is not None
    assert answer.error.kind == kind
    assert hint in (answer.error.hint or "")
