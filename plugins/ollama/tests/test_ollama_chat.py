"""Questions to scripted servers: order, faults, and what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import Chunk, Message, Model, ProviderError, Query, Session, discover
from codeconductor.testing.servers import (
    Said,
    ScriptedModel,
    ScriptedOllama,
    broken_json,
    cut,
    empty,
    error_frame,
    no_final,
    only_reasoning,
    refusing_host,
    status,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor.testing.servers import Fault, Request
    from codeconductor.testing.servers.plans import Plan

    Start = Callable[..., Session]

pytestmark = pytest.mark.anyio

HELLO = Query(messages=[Message("system", "Be brief."), Message("user", "Say hello.")])


async def the_model(session: Session) -> Model:
    found = await discover(session)
    assert found.problems == ()
    (model,) = found.models
    return model


async def answer(session: Session, model: Model, query: Query = HELLO) -> list[Chunk]:
    return [chunk async for chunk in session.plugins.query_model(session, model, query)]


async def failure(session: Session, model: Model) -> tuple[list[Chunk], ProviderError]:
    """What came before the stream failed, and how it failed."""
    chunks = []

    async def collect() -> None:
        async for chunk in session.plugins.query_model(session, model, HELLO):
            chunks.append(chunk)

    with pytest.raises(ProviderError) as caught:
        await collect()
    return chunks, caught.value


async def test_a_loaded_model_is_asked_at_once_and_only_what_was_asked_for_is_sent(start: Start) -> None:
    """No empty options, no `think`, no `keep_alive`: what is left out is the model's own."""
    with ScriptedOllama(ScriptedModel(name="a:1b", reply="Hello there.", chunk=5)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            chunks = await answer(session, await the_model(session))
        assert ollama.asked("/api/generate") == []
        (request,) = ollama.asked("/api/chat")
    assert [chunk.text for chunk in chunks] == ["Hello", " ther", "e.", ""]
    assert request.body == {
        "model": "a:1b",
        "stream": True,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}],
    }


async def test_sampling_goes_into_the_options_where_the_server_looks_for_it(start: Start) -> None:
    """At the top of the body they would be ignored without a word."""
    query = attrs.evolve(HELLO, seed=7, temperature=0.0, max_tokens=512, stop=["END"])
    with ScriptedOllama("a:1b") as ollama:
        async with start(hosts=[ollama.host]) as session:
            await answer(session, await the_model(session), query)
        (request,) = ollama.asked("/api/chat")
    assert request.body["options"] == {"seed": 7, "temperature": 0.0, "num_predict": 512, "stop": ["END"]}


async def test_a_model_that_is_not_in_memory_is_loaded_before_it_is_asked(start: Start) -> None:
    """The empty chunk comes when the load is done and before the question is sent."""
    with ScriptedOllama(ScriptedModel(name="a:1b", reply="Hello.", loaded=False)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            stream = session.plugins.query_model(session, await the_model(session), HELLO)
            assert await anext(stream) == Chunk()
            assert ollama.loaded == {"a:1b"}
            assert ollama.asked("/api/chat") == []
            assert "".join([chunk.text async for chunk in stream]) == "Hello."
        (load,) = ollama.asked("/api/generate")
    assert load.body == {"model": "a:1b", "stream": False}


async def test_a_path_before_the_api_is_kept(start: Start) -> None:
    """Ollama behind a reverse proxy, as in `https://host/ollama`."""

    class Behind(ScriptedOllama):
        def plan(self, request: Request) -> Plan:
            return super().plan(attrs.evolve(request, path=request.path.removeprefix("/ollama")))

    with Behind(ScriptedModel(name="a:1b", reply="Hello.")) as ollama:
        async with start(hosts=[f"{ollama.host}/ollama"]) as session:
            chunks = await answer(session, await the_model(session))
        paths = {request.path for request in ollama.requests}
    assert "".join(chunk.text for chunk in chunks) == "Hello."
    assert paths >= {"/ollama/api/ps", "/ollama/api/tags", "/ollama/api/chat"}
    assert all(path.startswith("/ollama/api/") for path in paths)


async def test_line_separators_inside_of_a_text_do_not_tear_it(start: Start) -> None:
    """Lines end at line feeds alone, and a character may be cut between two pieces."""
    text = "one\u2028two\u2029three\x85four ☃ 𝄞\r\nfive"
    with ScriptedOllama(ScriptedModel(name="a:1b", reply=text, chunk=0)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            chunks = await answer(session, await the_model(session))
    assert "".join(chunk.text for chunk in chunks) == text


async def test_arguments_of_a_call_keep_their_nulls_and_their_letters(start: Start) -> None:
    """They are the model's, and are passed on as JSON."""
    said = Said(tool_calls=(("weather", {"city": "Zürich", "day": None}),))
    with ScriptedOllama(ScriptedModel(name="a:1b", reply=said)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            chunks = await answer(session, await the_model(session))
    calls = [call for chunk in chunks for call in chunk.tool_calls]
    assert [(call.name, call.arguments) for call in calls] == [("weather", '{"city": "Zürich", "day": null}')]


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (error_frame(after=2, message="CUDA error: out of memory"), "server", "out of memory"),
        (error_frame(after=2, message="the context size was exceeded"), "context_overflow", "context size"),
        (no_final(), "protocol", "without saying that it is complete"),
        (broken_json(after=2), "protocol", "no JSON"),
        (cut(after=250), "protocol", ""),
    ],
)
async def test_a_stream_that_breaks_keeps_what_came_before_and_says_how(
    start: Start, fault: Fault, kind: str, words: str
) -> None:
    """The status was 200 each time: only the lines tell."""
    with ScriptedOllama(ScriptedModel(name="a:1b", reply="one two three", chunk=4, fault=fault)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            chunks, error = await failure(session, await the_model(session))
    assert error.kind == kind
    assert words in error.message
    assert "one two three".startswith("".join(chunk.text for chunk in chunks))
    assert len(chunks) >= 2


MODEL_IS_GONE = {"error": "model 'a:1b' not found"}
OLD_WORDS = {"error": 'model "a:1b" not found, try pulling it first'}
BUSY = {"error": "server busy, please try again.  maximum pending requests exceeded"}
NO_MEMORY = {"error": "model requires more system memory (9.6 GiB) than is available (3.1 GiB)"}
PAGE = "<html><h1>Bad Gateway</h1></html>"


@pytest.mark.parametrize(
    ("fault", "kind", "hint"),
    [
        (status(400, {"error": '"a:1b" does not support chat'}), "refused", "'completion'"),
        (status(400, {"error": '"a:1b" does not support tools'}), "refused", "'tools'"),
        (status(400, {"error": "missing request body"}), "refused", "update Ollama"),
        (
            status(400, {"error": "request (9000 tokens) exceeds the available context size"}),
            "context_overflow",
            "shorten",
        ),
        (status(401, {"error": "unauthorized", "signin_url": "https://ollama.com/x"}), "refused", "`ollama signin`"),
        (status(403), "refused", "its own address"),
        (
            status(403, {"error": "ollama cloud is disabled: remote inference is unavailable"}),
            "refused",
            "cloud models are switched off",
        ),
        (status(404, MODEL_IS_GONE), "refused", "`ollama pull a:1b`"),
        (status(404, OLD_WORDS), "refused", "`ollama pull a:1b`"),
        (status(404, "404 page not found"), "refused", "is this an Ollama server"),
        (status(404, "<html>The page you looked for was not found</html>"), "refused", "is this an Ollama server"),
        (status(405, "405 method not allowed"), "refused", "is this an Ollama server"),
        (status(429, {"error": "usage limit reached"}), "overloaded", "Ollama's cloud"),
        (status(499, {"error": "request canceled"}), "refused", "ask again"),
        (status(500, NO_MEMORY), "server", "`ollama stop`"),
        (error_frame(after=0, message="cudaMalloc failed: out of memory"), "server", "`ollama stop`"),
        (status(500, {"error": "timed out waiting for llama runner to start"}), "server", "OLLAMA_LOAD_TIMEOUT"),
        (status(500, {"error": "llama runner process has terminated: exit status 2"}), "server", "ask again"),
        (status(500, {"error": "unable to load model: /models/blobs/sha256-1"}), "server", "`ollama pull a:1b`"),
        (status(500, {"error": "something else"}), "server", "server's log"),
        (status(502, PAGE), "server", "proxy"),
        (status(504, PAGE), "server", "proxy"),
        (status(503, BUSY), "overloaded", "OLLAMA_MAX_QUEUE"),
        (status(307, headers={"location": "http://127.0.0.1:1/"}), "protocol", "final address"),
        (status(200, "<html>Welcome to the router</html>"), "protocol", "`ollama serve`"),
    ],
)
async def test_a_refusal_has_its_kind_and_ollamas_own_remedy(start: Start, fault: Fault, kind: str, hint: str) -> None:
    """By the status, and by words that have been the same in every version."""
    with ScriptedOllama("a:1b", faults={"/api/chat": fault}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            chunks, error = await failure(session, await the_model(session))
    assert chunks == []
    assert error.kind == kind
    assert hint in (error.hint or "")


async def test_a_load_that_fails_fails_the_question(start: Start) -> None:
    """No empty chunk, as nothing is loaded, and the question is not sent."""
    fault = status(404, {"error": "model 'a:1b' not found"})
    with ScriptedOllama(ScriptedModel(name="a:1b", loaded=False), faults={"/api/generate": fault}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            chunks, error = await failure(session, await the_model(session))
        assert ollama.asked("/api/chat") == []
    assert chunks == []
    assert error.kind == "refused"
    assert error.hint == "install it with `ollama pull a:1b`"


async def test_a_host_that_went_away_is_unreachable(start: Start) -> None:
    """The hint starts the server."""
    with refusing_host() as dead:
        async with start() as session:
            model = Model(provider="ollama", name="a:1b", host=dead, plugin="ollama")
            _, error = await failure(session, model)
    assert error.kind == "unreachable"
    assert "`ollama serve`" in (error.hint or "")


@pytest.mark.parametrize(("fault", "reasoning"), [(empty(), ""), (only_reasoning("Hm."), "Hm.")])
async def test_an_end_without_text_is_a_complete_stream(start: Start, fault: Fault, reasoning: str) -> None:
    """Core calls such an answer empty and tells why."""
    with ScriptedOllama(ScriptedModel(name="a:1b", fault=fault)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            chunks = await answer(session, await the_model(session))
    assert "".join(chunk.text for chunk in chunks) == ""
    assert "".join(chunk.reasoning for chunk in chunks) == reasoning
    assert chunks[-1].finish_reason == "stop"


def only_line(**line: Any) -> Fault:
    return status(200, {"model": "a:1b", "message": {"role": "assistant", "content": "Hi."}} | line)


async def test_a_reason_to_stop_ends_the_answer_without_done(start: Start) -> None:
    """Some MLX models end like this; the counts are missing, and that is no fault."""
    with ScriptedOllama("a:1b", faults={"/api/chat": only_line(done_reason="stop")}) as ollama:
        async with start(hosts=[ollama.host]) as session:
            (chunk,) = await answer(session, await the_model(session))
    assert (chunk.text, chunk.finish_reason) == ("Hi.", "stop")
    assert chunk.usage is not None
    assert chunk.usage.completion_tokens is None


async def test_an_answer_made_elsewhere_is_told_where_none_was_expected(start: Start) -> None:
    """A cloud model under a harmless name; one that was listed as remote is no surprise."""
    elsewhere = only_line(done=True, remote_host="https://ollama.com:443", remote_model="gpt-oss:120b")
    for remote, warnings in [(False, 1), (True, 0)]:
        with ScriptedOllama(ScriptedModel(name="a:1b", remote=remote), faults={"/api/chat": elsewhere}) as ollama:
            async with start(hosts=[ollama.host]) as session:
                await answer(session, await the_model(session))
                told = [warning for warning in session.warnings if "https://ollama.com:443" in warning]
        assert len(told) == warnings


async def test_leaving_the_stream_stops_the_model(start: Start) -> None:
    """The connection is closed, and with it the generation; a pooled one would keep the model busy."""
    with ScriptedOllama(ScriptedModel(name="a:1b", reply="word " * 10_000, chunk=5, pace=0.001)) as ollama:
        async with start(hosts=[ollama.host]) as session:
            stream = session.plugins.query_model(session, await the_model(session), HELLO)
            await anext(stream)
            await stream.aclose()  # type: ignore[attr-defined]  # an async generator
            (request,) = ollama.asked("/api/chat")
            ollama.wait_until(lambda: request.outcome == "cancelled")


async def test_a_model_of_another_provider_is_declined(start: Start) -> None:
    """At once, by None, so that another plugin may be asked."""
    import codeconductor_ollama

    async with start() as session:
        foreign = Model(provider="somebody-else", name="a:1b", host="http://127.0.0.1:1")
        assert codeconductor_ollama.conductor_query_model(session, foreign, HELLO) is None
