"""What cannot fit into a model's context is not sent, and a prompt that its server has cut is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Answer, Chunk, Message, Model, Query, Usage, estimate_tokens, hookimpl
from codeconductor.dispatch import dispatch, is_same_model
from codeconductor.dispatch.context import fewest_tokens
from codeconductor.testing import MakeSession, a_model, run_at_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Session


class Server:
    """Answers every question, and says that it read so many tokens of it."""

    def __init__(self, usage: Usage | None = None, name: str | None = None) -> None:
        self.asked = 0
        self._last = Chunk(usage=usage, model=name)

    @hookimpl
    def conductor_query_model(self) -> AsyncIterator[Chunk]:
        return self._stream()

    async def _stream(self) -> AsyncIterator[Chunk]:
        self.asked += 1
        yield Chunk(text="fine")
        yield self._last


def words(count: int) -> Query:
    """A query of so many short words."""
    return Query(messages=[Message("user", "word " * count)])


async def _answer(session: Session, model: Model, query: Query) -> Answer:
    async with dispatch(session, [model], query) as arrivals:
        return await anext(arrivals)


def ask(make_session: MakeSession, server: Server, query: Query, **fields: Any) -> tuple[Answer, list[str]]:
    session = make_session(acme=server)
    return run_at_once(_answer(session, a_model("m", plugin="acme", **fields), query)), session.warnings


def test_a_prompt_that_cannot_fit_is_not_sent(make_session: MakeSession) -> None:
    """The failure has both numbers; the others are asked."""
    server = Server()
    answer, _ = ask(make_session, server, words(5000), context_length=4096)
    assert answer.error is not None
    assert (answer.error.kind, server.asked) == ("context_overflow", 0)
    assert "4096" in answer.error.message
    assert str(fewest_tokens(words(5000))) in answer.error.message


@pytest.mark.parametrize("loaded", [True, False])
def test_a_longer_context_helps_where_it_is_not_the_longest(make_session: MakeSession, loaded: bool) -> None:
    """Of a model in memory the one in force is known, of another one the most that it can have."""
    answer, _ = ask(make_session, Server(), words(5000), context_length=4096, loaded=loaded)
    assert answer.error is not None
    assert ("a longer context" in (answer.error.hint or "")) is loaded


def test_a_prompt_that_may_fit_is_sent(make_session: MakeSession) -> None:
    """Where the context can be raised, where it is not known, and where nobody can tell without a tokenizer."""
    for fields in (
        {"context_length": 4096, "max_context_length": 32768},
        {"context_length": None},
        {"context_length": estimate_tokens(words(5000).messages[0].content) // 2 + 1},
    ):
        server = Server()
        answer, _ = ask(make_session, server, words(5000), **fields)
        assert (answer.error, server.asked) == (None, 1)


@pytest.mark.parametrize(
    ("read", "window", "cut"),
    [
        (None, 4096, None),
        (5000, None, False),
        (2050, 4096, True),
        (4096, 4096, True),
        (17, 4096, True),
        (17, 32768, False),
        (2050, 32768, False),
        (2050, None, True),
        (4096, None, True),
        (17, None, None),
        (3000, None, None),
    ],
)
def test_a_cut_prompt_is_told_by_its_tokens(
    make_session: MakeSession, read: int | None, window: int | None, cut: bool | None
) -> None:
    """Of about 5,000 tokens; few tokens alone prove nothing, as servers leave out what they had cached."""
    server = Server(Usage(prompt_tokens=read, context_length=window))
    answer, warnings = ask(make_session, server, words(4000))
    assert (answer.prompt_cut, answer.error) == (cut, None)
    assert bool(warnings) == bool(cut)
    assert all("acme/m " in warning and str(read) in warning for warning in warnings)


@pytest.mark.parametrize(
    ("sent", "read", "window", "cut"),
    [
        (2700, 2050, 4096, True),
        (2700, 4096, 4096, True),
        (2700, 17, 4096, False),
        (2700, 3000, 4096, False),
        (2700, 4500, 4096, False),
        (1500, 2050, 4096, False),
        (2700, 2050, 8192, False),
    ],
)
def test_a_prompt_that_may_have_fitted_was_cut_where_the_count_says_so(
    make_session: MakeSession, sent: int, read: int, window: int, cut: bool
) -> None:
    """2,700 words have some 4,500 tokens in all likelihood, and 3,375 at least: what a window is full of was cut."""
    server = Server(Usage(prompt_tokens=read, context_length=window))
    answer, warnings = ask(make_session, server, words(sent))
    assert (answer.prompt_cut, answer.error) == (cut, None)
    assert bool(warnings) == cut
    assert all(f"cut it to {read} of " in warning for warning in warnings)


def test_the_context_of_a_model_that_was_not_in_memory_proves_nothing(make_session: MakeSession) -> None:
    """It is the most that it could have, not what is in force."""
    for loaded, cut in ((True, False), (False, None), (None, None)):
        answer, _ = ask(make_session, Server(Usage(prompt_tokens=17)), words(4000), loaded=loaded, context_length=32768)
        assert answer.prompt_cut is cut


@pytest.mark.parametrize(
    ("asked", "answered", "same"),
    [
        ("qwen3:8b", "qwen3:8b", True),
        ("qwen3", "qwen3:latest", True),
        ("google/gemma-3-4b", "gemma-3-4b:2", True),
        ("google/gemma-3-4b", "google/gemma-3-4b@q4_k_m", True),
        ("models/Phi-3.gguf", "phi-3", True),
        ("qwen3:8b", "qwen3:4b", False),
        ("qwen3:8b", "llama3:8b", False),
    ],
)
def test_an_answer_by_another_model_is_warned_about(
    make_session: MakeSession, asked: str, answered: str, same: bool
) -> None:
    """Both are named; other spellings of one name are no other model."""
    assert is_same_model(asked, answered) is same
    session = make_session(acme=Server(name=answered))
    answer = run_at_once(_answer(session, a_model(asked, plugin="acme"), words(3)))
    assert answer.error is None
    assert bool(session.warnings) is not same
    assert all(asked in warning and answered in warning for warning in session.warnings)


class Names:
    """Says another name with every piece."""

    @hookimpl
    def conductor_query_model(self) -> AsyncIterator[Chunk]:
        return self._stream()

    async def _stream(self) -> AsyncIterator[Chunk]:
        for number in range(100):
            yield Chunk(text="fine", model=f"other-{number}-" + "y" * 5000)


def test_names_without_end_are_one_short_warning(make_session: MakeSession) -> None:
    """A run's document would hold half a million characters of them."""
    session = make_session(acme=Names())
    assert run_at_once(_answer(session, a_model("m", plugin="acme"), words(3))).error is None
    (warning,) = session.warnings
    assert "other-0-" in warning
    assert len(warning) < 400
