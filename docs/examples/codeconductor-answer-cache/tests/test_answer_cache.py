"""What is asked again is answered from disk, and nothing but a complete answer is."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import attrs
import codeconductor_answer_cache
import pytest
from codeconductor import Chunk, Model, ProviderError, Query, ToolCall, Usage, data_folder, hookimpl
from codeconductor.testing import MakeSession, a_model, a_query, make_session, project_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from codeconductor import Session

__all__ = ["make_session", "project_folder"]  # fixtures

QUERY = a_query(seed=7)
ANSWER = (
    Chunk(),
    Chunk(reasoning="Adding. "),
    Chunk(text="It is ", reasoning="Done."),
    Chunk(
        text="four \ud83d.",  # half of a character, as a cut stream leaves it
        tool_calls=[ToolCall(name="add", arguments="{}")],
        finish_reason="stop",
        usage=Usage(completion_tokens=3),
    ),
)


class Parrot:
    """A provider that counts how often its model is asked; an exception among the chunks is raised."""

    def __init__(self, *chunks: Chunk | Exception) -> None:
        self.chunks = chunks
        self.asked = 0
        self.closed = 0

    @hookimpl
    def conductor_query_model(self, model: Model) -> AsyncIterator[Chunk] | None:
        return self._answer() if model.provider == "acme" else None

    async def _answer(self) -> AsyncIterator[Chunk]:
        self.asked += 1
        try:
            for chunk in self.chunks:
                if isinstance(chunk, Exception):
                    raise chunk
                yield chunk
        finally:
            self.closed += 1


def ask(session: Session, query: Query = QUERY, *, name: str = "parrot", chunks: int | None = None) -> Sequence[Chunk]:
    """The chunks of one answer; no more than so many of them, where that is said."""

    async def collect() -> list[Chunk]:
        model = attrs.evolve(a_model(name), plugin="acme")
        stream = session.plugins.query_model(session, model, query)
        collected = []
        async for chunk in stream:
            collected.append(chunk)
            if len(collected) == chunks:
                await stream.aclose()  # type: ignore[attr-defined]  # as the dispatcher does
                break
        return collected

    return asyncio.run(collect())


@pytest.fixture
def files(project_folder: Path) -> Path:
    """Where the answers lie."""
    return data_folder() / "answer-cache"


def test_a_second_session_asks_no_more(make_session: MakeSession) -> None:
    """The first answer passes as it streams; the second has all of it, in one chunk."""
    parrot = Parrot(*ANSWER)
    assert ask(make_session(acme=parrot, answer_cache=codeconductor_answer_cache)) == list(ANSWER)
    (again,) = ask(make_session(acme=parrot, answer_cache=codeconductor_answer_cache))
    assert parrot.asked == parrot.closed == 1
    assert again == attrs.evolve(ANSWER[-1], text="It is four \ud83d.", reasoning="Adding. Done.")


@pytest.mark.parametrize(
    "other",
    [
        a_query(seed=8),
        a_query(seed=7, temperature=0.2),
        a_query(seed=7, max_tokens=5),
        a_query("Write another function.", seed=7),
        a_query(seed=7, response_schema={"type": "object"}),
    ],
    ids=["seed", "temperature", "length", "messages", "schema"],
)
def test_another_question_is_asked(make_session: MakeSession, other: Query) -> None:
    """Messages and every sampling setting tell questions apart."""
    parrot = Parrot(*ANSWER)
    session = make_session(acme=parrot, answer_cache=codeconductor_answer_cache)
    ask(session)
    ask(session, other)
    assert parrot.asked == 2


def test_another_model_is_asked(make_session: MakeSession) -> None:
    """One model's answer is never given for another's."""
    parrot = Parrot(*ANSWER)
    session = make_session(acme=parrot, answer_cache=codeconductor_answer_cache)
    ask(session)
    ask(session, name="cockatoo")
    assert parrot.asked == 2


def test_a_failed_answer_is_not_kept(make_session: MakeSession, files: Path) -> None:
    """What arrived before the failure passes, then the failure; and the next one asks again."""
    parrot = Parrot(ANSWER[1], ProviderError("cut", kind="protocol"))
    session = make_session(acme=parrot, answer_cache=codeconductor_answer_cache)
    for _ in range(2):
        with pytest.raises(ProviderError, match="cut"):
            ask(session)
    assert parrot.asked == parrot.closed == 2
    assert not files.exists()


def test_an_answer_that_is_left_is_not_kept(make_session: MakeSession, files: Path) -> None:
    """Whoever leaves early has half an answer; the provider's stream is closed at once."""
    parrot = Parrot(*ANSWER)
    session = make_session(acme=parrot, answer_cache=codeconductor_answer_cache)
    assert ask(session, chunks=2) == list(ANSWER[:2])
    assert parrot.closed == 1
    assert not files.exists()


@pytest.mark.parametrize("last", [Chunk(text="It is f", finish_reason="length"), Chunk(reasoning="It is four.")])
def test_an_answer_that_is_no_whole_one_is_not_kept(make_session: MakeSession, files: Path, last: Chunk) -> None:
    """Cut at the token limit, or without any text: asked again, it may become better."""
    parrot = Parrot(last)
    session = make_session(acme=parrot, answer_cache=codeconductor_answer_cache)
    assert [ask(session), ask(session)] == [[last], [last]]
    assert parrot.asked == 2
    assert not files.exists()


def test_an_old_answer_is_asked_anew(make_session: MakeSession, files: Path) -> None:
    """`max_age` counts from the day on which it was given."""
    parrot = Parrot(*ANSWER)
    session = make_session({"answer_cache": {"max_age": 60.0}}, acme=parrot, answer_cache=codeconductor_answer_cache)
    ask(session)
    (file,) = files.rglob("*.json")
    os.utime(file, (0, 0))
    ask(session)
    assert parrot.asked == 2
    ask(session)
    assert parrot.asked == 2


def test_a_damaged_file_is_asked_anew(make_session: MakeSession, files: Path) -> None:
    """And mended by the new answer."""
    parrot = Parrot(*ANSWER)
    session = make_session(acme=parrot, answer_cache=codeconductor_answer_cache)
    ask(session)
    (file,) = files.rglob("*.json")
    for damaged in (b'{"text": "It', b"\xff"):
        file.write_bytes(damaged)
        assert ask(session) == list(ANSWER)
    assert len(ask(session)) == 1


def test_an_answer_is_not_lost_for_want_of_room(make_session: MakeSession, files: Path) -> None:
    """Where nothing can be written there is a warning, and the answer passes."""
    files.parent.mkdir(parents=True, exist_ok=True)
    files.write_text("in the way")
    session = make_session(acme=Parrot(*ANSWER), answer_cache=codeconductor_answer_cache)
    assert ask(session) == list(ANSWER)
    assert "an answer was not kept" in session.warnings[0]


def test_it_can_be_switched_off(make_session: MakeSession, files: Path) -> None:
    """`enabled = false` in `[answer_cache]`."""
    parrot = Parrot(*ANSWER)
    session = make_session({"answer_cache": {"enabled": False}}, acme=parrot, answer_cache=codeconductor_answer_cache)
    assert [ask(session), ask(session)] == [list(ANSWER), list(ANSWER)]
    assert parrot.asked == 2
    assert not files.exists()
