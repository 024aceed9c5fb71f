"""Loading and asking a model of LM Studio, with a scripted server behind it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from codeconductor import Answer, Chunk, Message, Query, discover
from codeconductor.dispatch import dispatch
from codeconductor.testing import a_query
from codeconductor.testing.servers import Said, ScriptedLMStudio, ScriptedModel, error_frame, only_first, status
from codeconductor_lmstudio.chat import window_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Session

    Start = Callable[..., Session]

CHAT, LOAD, LIST = "/v1/chat/completions", "/api/v1/models/load", "/api/v1/models"


def answers(session: Session, *, samples: int = 1) -> dict[str, list[Answer]]:
    """Every answer of every chat model, by the model's name."""

    async def run() -> dict[str, list[Answer]]:
        found: dict[str, list[Answer]] = {}
        async with session:
            models = [model for model in (await discover(session)).models if model.kind == "chat"]
            async with dispatch(session, models, a_query(), samples=samples) as arrivals:
                async for answer in arrivals:
                    found.setdefault(answer.model.name, []).append(answer)
        return found

    return asyncio.run(run())


def test_a_loaded_model_is_just_asked(start: Start) -> None:
    """No list and no load between the question and the answer; reasoning is kept apart."""
    with ScriptedLMStudio(ScriptedModel(name="a", reply=Said(text="4", reasoning="hm"))) as server:
        [answer] = answers(start(hosts=[server.host]))["a"]
    assert (answer.text, answer.reasoning, answer.error) == ("4", "hm", None)
    assert [request.path for request in server.requests] == [LIST, CHAT]


def test_a_model_that_is_not_loaded_is_loaded_once_with_a_window_of_its_own(start: Start) -> None:
    """However many samples are asked for: a second load would be a second copy in memory."""
    with ScriptedLMStudio("a", ScriptedModel(name="b", loaded=False, context_length=40960)) as server:
        told = answers(start(hosts=[server.host]), samples=3)
    assert [answer.error for name in "ab" for answer in told[name]] == [None] * 6
    [load] = server.asked(LOAD)
    assert load.body == {"model": "b", "context_length": 8192}
    assert server.instances == {}


def test_models_are_loaded_one_after_the_other(start: Start) -> None:
    """Loads at once would abort each other."""
    models = [ScriptedModel(name=name, loaded=False) for name in "abc"]
    with ScriptedLMStudio(*models) as server:
        told = answers(start(hosts=[server.host], parallel=3))
    assert [answer.error for name in "abc" for answer in told[name]] == [None] * 3
    assert len(server.asked(LOAD)) == 3
    assert server.most_at_once(LOAD) == 1


def test_an_empty_chunk_says_that_the_load_is_done(start: Start) -> None:
    """The time for the answer begins there: nothing was asked before."""

    async def run(session: Session) -> Chunk:
        async with session:
            [model] = (await discover(session)).models
            stream = session.plugins.query_model(session, model, a_query())
            first = await anext(stream)
            assert [request.path for request in server.requests] == [LIST, LIST, LOAD]
            assert "".join([chunk.text async for chunk in stream])
            return first

    with ScriptedLMStudio(ScriptedModel(name="a", loaded=False)) as server:
        assert asyncio.run(run(start(hosts=[server.host]))) == Chunk()


def test_an_older_server_loads_on_demand_one_model_after_the_other(start: Start) -> None:
    """The next load on demand would throw the last one out while it answers."""
    models = [ScriptedModel(name=name, loaded=False) for name in "abc"]
    with ScriptedLMStudio(*models, native="v0") as server:
        told = answers(start(hosts=[server.host], parallel=3))
    assert [answer.error for name in "abc" for answer in told[name]] == [None] * 3
    assert server.asked(LOAD) == []
    assert server.most_at_once(CHAT) == 1


def test_a_model_that_went_out_of_memory_is_loaded_and_asked_again(start: Start) -> None:
    """Its time to live was over between the list and the question."""
    gone = status(400, {"error": {"message": "No models loaded. Please load a model.", "param": "model"}})
    with ScriptedLMStudio(ScriptedModel(name="a", fault=only_first(1, gone))) as server:
        [answer] = answers(start(hosts=[server.host]))["a"]
    assert answer.error is None
    assert [request.path for request in server.requests] == [LIST, CHAT, LIST, CHAT]


@pytest.mark.parametrize("code", [400, 404])
def test_a_load_that_fails_is_a_fault_of_the_server_with_a_remedy(start: Start, code: int) -> None:
    """Also where its words are about the context; the model is not asked."""
    words = "Failed to load model. Error: context length 131072 needs more memory than the system has"
    fault = status(code, {"error": {"message": words}})
    with ScriptedLMStudio(ScriptedModel(name="a", loaded=False), faults={LOAD: fault}) as server:
        [answer] = answers(start(hosts=[server.host]))["a"]
    assert answer.error is not None
    assert answer.error.kind == "server"
    assert "needs more memory" in answer.error.message
    assert "lms unload" in (answer.error.hint or "")
    assert server.asked(CHAT) == []


def test_a_load_that_answers_something_else_is_a_failure(start: Start) -> None:
    """Status 200 proves nothing here."""
    fault = status(200, {"error": "something went wrong"})
    with ScriptedLMStudio(ScriptedModel(name="a", loaded=False), faults={LOAD: fault}) as server:
        [answer] = answers(start(hosts=[server.host]))["a"]
    assert answer.error is not None
    assert (answer.error.kind, server.asked(CHAT)) == ("server", [])


def test_what_arrived_before_an_error_is_kept(start: Start) -> None:
    """A model that is thrown out while it answers: an error frame under status 200."""
    model = ScriptedModel(name="a", reply="abcdef", chunk=1, fault=error_frame(after=2, message="Model unloaded."))
    with ScriptedLMStudio(model) as server:
        [answer] = answers(start(hosts=[server.host]))["a"]
    assert answer.error is not None
    assert (answer.text, answer.error.kind) == ("ab", "server")
    assert "auto-evict" in (answer.error.hint or "")


def test_a_model_under_another_identifier_is_asked_by_that(start: Start) -> None:
    """`lms load --identifier` names the instance; by the model's own name a second one would be loaded."""
    listed = {
        "models": [{"type": "llm", "key": "acme/a", "loaded_instances": [{"id": "mine", "config": {"parallel": 2}}]}]
    }
    with ScriptedLMStudio("mine", faults={LIST: status(200, listed)}) as server:
        session = start(hosts=[server.host])
        [answer] = answers(session)["acme/a"]
    assert answer.error is None
    assert server.asked(CHAT)[0].body["model"] == "mine"
    assert session.warnings == []


def test_an_answer_of_another_model_is_told(start: Start) -> None:
    """LM Studio may let the one in memory answer for a name that it does not know."""
    frame = '{"model":"other","choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}'
    fault = status(200, f"data: {frame}\n\n", content_type="text/event-stream")
    with ScriptedLMStudio(ScriptedModel(name="acme/a", fault=fault)) as server:
        session = start(hosts=[server.host])
        [answer] = answers(session)["acme/a"]
    assert answer.error is None
    [warning] = session.warnings
    assert "'other' answer" in warning


@pytest.mark.parametrize("said", ["acme/a", "a", "a:2", "ACME/a@q4_k_m"])
def test_other_names_of_the_same_model_are_no_other_model(start: Start, said: str) -> None:
    """Instance numbers, quantizations and publishers come and go."""
    frame = f'{{"model":"{said}","choices":[{{"delta":{{"content":"x"}},"finish_reason":"stop"}}]}}'
    fault = status(200, f"data: {frame}\n\n", content_type="text/event-stream")
    with ScriptedLMStudio(ScriptedModel(name="acme/a", fault=fault)) as server:
        session = start(hosts=[server.host])
        answers(session)
    assert session.warnings == []


def test_the_window_has_room_for_question_and_answer() -> None:
    """A power of two, at least 8192, never more than the model can, and more for one that thinks."""
    long = Query(messages=[Message("user", "word " * 20_000)])
    assert window_for(131072, a_query()) == 8192
    assert window_for(131072, a_query(), thinks=True) == 16384
    assert window_for(4096, a_query()) == 4096
    assert window_for(None, a_query(max_tokens=12_288)) == 8192
    assert window_for(None, a_query("word " * 2500, max_tokens=1000)) == 8192
    assert window_for(None, a_query("word " * 2500)) == 16384
    window = window_for(131072, long)
    assert 20_000 < window <= 131072
    assert window.bit_count() == 1
