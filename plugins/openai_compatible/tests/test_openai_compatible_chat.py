"""Asking a model of an OpenAI-compatible server, also one that is still loading it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Answer, discover
from codeconductor.dispatch import Limits, dispatch
from codeconductor.testing import a_model, a_query
from codeconductor.testing.servers import (
    Said,
    ScriptedModel,
    ScriptedOpenAI,
    answered_by,
    error_frame,
    status,
)
from codeconductor_openai_compatible.chat import fitting

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Session

    Start = Callable[..., Session]

CHAT = "/v1/chat/completions"


def answers(session: Session, limits: Limits | None = None, **fields: Any) -> list[Answer]:
    async def run() -> list[Answer]:
        async with session:
            models = (await discover(session)).models
            async with dispatch(session, models, fields.pop("query", a_query()), limits=limits, **fields) as arrivals:
                return [answer async for answer in arrivals]

    return asyncio.run(run())


def test_a_model_is_asked_by_the_servers_own_id(start: Start) -> None:
    """Though it is shown by its base name."""
    path = "/srv/models/acme.gguf"
    with ScriptedOpenAI(ScriptedModel(name=path, reply=Said(text="4", reasoning="hm")), "b") as server:
        told = {answer.model.id: answer for answer in answers(start(hosts=[server.host]))}
        assert len(server.asked(CHAT, path)) == 1
    answer = told["openai_compatible/acme.gguf"]
    assert (answer.text, answer.reasoning, answer.error) == ("4", "hm", None)


def test_what_arrived_before_an_error_is_kept(start: Start) -> None:
    """An error frame under status 200; nothing is asked a second time."""
    model = ScriptedModel(name="a", reply="abcdef", chunk=1, fault=error_frame(after=2, message="Loading model failed"))
    with ScriptedOpenAI(model) as server:
        [answer] = answers(start(hosts=[server.host]))
        assert len(server.asked(CHAT)) == 1
    assert answer.error is not None
    assert (answer.text, answer.error.kind) == ("ab", "server")


def test_a_server_that_refuses_unknown_fields_is_asked_without_them(start: Start) -> None:
    """Each costs one more request; without the first there are no counts of tokens."""
    refuses = ("stream_options", "response_format", "seed")
    query = a_query(seed=7, temperature=0.5, response_schema={"type": "object"})
    with ScriptedOpenAI(ScriptedModel(name="a", reply="{}"), refuses=refuses) as server:
        [answer] = answers(start(hosts=[server.host]), query=query)
        assert len(server.asked(CHAT)) == 4
        last = server.asked(CHAT)[-1].body
    assert (answer.text, answer.error, answer.usage.prompt_tokens) == ("{}", None, None)
    assert not last.keys() & set(refuses)
    assert last["temperature"] == 0.5


# Who answers


@pytest.mark.parametrize(
    ("asked", "answered"),
    [("/srv/models/acme.gguf", "acme.gguf"), ("acme", "/srv/acme.gguf"), ("Acme/a-7b", "a-7b"), ("a:latest", "a")],
)
def test_another_spelling_of_a_name_is_no_other_model(start: Start, asked: str, answered: str) -> None:
    """A file's name, its path, or without its publisher."""
    with ScriptedOpenAI(ScriptedModel(name=asked, fault=answered_by(answered)), flavour="llama.cpp") as server:
        session = start(hosts=[server.host])
        answers(session)
    assert session.warnings == []


def test_an_alias_of_the_model_that_was_asked_is_no_other_model(start: Start) -> None:
    """vLLM may serve one model under several names, and answer by the first of them; it has one voice."""
    from codeconductor.discovery import choose

    names = ("main", "second")
    served = {"data": [{"id": name, "owned_by": "vllm", "root": "/srv/acme", "max_model_len": 8192} for name in names]}
    models = [ScriptedModel(name=name, fault=answered_by("main")) for name in names]
    with ScriptedOpenAI(*models, faults={"/v1/models": status(200, served)}) as server:
        session = start(hosts=[server.host])
        told = answers(session)
    assert [answer.error for answer in told] == [None, None]
    assert session.warnings == []
    assert [model.name for model in choose(answer.model for answer in told)] == ["main"]


def test_an_answer_of_another_model_is_told_without_the_servers_folders(start: Start) -> None:
    """llama.cpp looks at no name where it has one model."""
    with ScriptedOpenAI(ScriptedModel(name="a", fault=answered_by("/home/me/other.gguf"))) as server:
        session = start(hosts=[server.host])
        answers(session)
    [warning] = session.warnings
    assert "'other.gguf' answered" in warning


# The limit of an answer


@pytest.mark.parametrize(
    ("context_length", "asked", "sent"),
    [(None, 9000, 9000), (8192, 4096, 4096), (8192, 9000, 6942), (1000, 9000, None), (8192, None, None)],
)
def test_the_limit_of_an_answer_fits_beside_the_prompt(
    context_length: int | None, asked: int | None, sent: int | None
) -> None:
    """vLLM refuses a prompt and a limit that are longer than the context together."""
    query = a_query("word " * 500, max_tokens=asked)
    assert fitting(query, a_model(context_length=context_length)).max_tokens == sent


def test_embedding_models_are_not_asked(start: Start) -> None:
    """They are listed, and chosen by nobody."""
    from codeconductor.discovery import choose

    async def run(session: Session) -> list[str]:
        async with session:
            return [model.name for model in choose((await discover(session)).models)]

    with ScriptedOpenAI("a", "nomic-embed-text") as server:
        assert asyncio.run(run(start(hosts=[server.host]))) == ["a"]
