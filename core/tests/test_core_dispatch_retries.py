"""An overloaded server is asked again within the model's time limit; a model that has left memory is loaded again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import Answer, Chunk, Model, ProviderError, Query, hookimpl
from codeconductor.dispatch import Limits, dispatch
from codeconductor.events import Loaded, Retrying
from codeconductor.testing import MakeSession, a_model, a_query, record_events, run_at_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Session


@attrs.define(eq=False)
class Server:
    """Models that are loaded apart, as a plugin gives them; the clock of the loop tells when what happened.

    Attributes:
        faults: What is raised when a model is asked, one after the other; then it answers.
        load_seconds: That a load takes.
        answer_seconds: That an answer takes.
        loads: (model, from, to) of each load.
        asks: (model, from, to) of each question.
        in_memory: Names of the models that are loaded.
        fits: How many models fit into memory; a load then throws out all others.
    """

    faults: list[Exception] = attrs.field(factory=list)
    load_faults: list[Exception] = attrs.field(factory=list)
    load_seconds: float = 5.0
    answer_seconds: float = 2.0
    in_memory: set[str] = attrs.field(factory=set)
    fits: int = 99
    loads: list[tuple[str, float, float]] = attrs.field(factory=list)
    asks: list[tuple[str, float, float]] = attrs.field(factory=list)

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        return []

    @hookimpl
    def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Chunk]:
        return self._stream(model, query)

    async def _stream(self, model: Model, _query: Query) -> AsyncIterator[Chunk]:
        now = asyncio.get_running_loop().time
        if model.loaded is False:
            began = now()
            await asyncio.sleep(self.load_seconds)
            if self.load_faults:
                raise self.load_faults.pop(0)
            self.loads.append((model.name, began, now()))
            if len(self.in_memory) >= self.fits:
                self.in_memory.clear()
            self.in_memory.add(model.name)
            yield Chunk()
        began = now()
        if self.faults:
            raise self.faults.pop(0)
        if model.loads_apart and model.name not in self.in_memory:
            raise ProviderError("model is not loaded", kind="refused", unloaded=True)
        await asyncio.sleep(self.answer_seconds)
        self.asks.append((model.name, began, now()))
        yield Chunk(text="done")


def cold(name: str = "m", **fields: Any) -> Model:
    return a_model(name, plugin="acme", loaded=False, loads_apart=True, **fields)


def warm(name: str = "m", **fields: Any) -> Model:
    return a_model(name, plugin="acme", loaded=True, **fields)


async def ask(session: Session, *models: Model, **arguments: Any) -> list[Answer]:
    async with dispatch(session, models, a_query(), **arguments) as arrivals:
        return [answer async for answer in arrivals]


def busy(retry_after: float | None = None) -> ProviderError:
    return ProviderError("server busy", kind="overloaded", retry_after=retry_after)


# Overloaded


def test_an_overloaded_server_is_asked_again(make_session: MakeSession) -> None:
    """First within half a second, then after twice as long each time; the waiting is told."""
    server = Server(faults=[busy(), busy(), busy()])
    session = make_session(acme=server)
    log = record_events(session)
    (answer,) = run_at_once(ask(session, warm()))
    assert (answer.text, answer.error) == ("done", None)
    assert [event.seconds for event in log.of(Retrying)] == [0.4, 0.8, 1.6]
    assert answer.seconds == pytest.approx(2.8 + 2.0)


def test_a_server_that_says_when_to_come_back_is_asked_then(make_session: MakeSession) -> None:
    """Its Retry-After counts in place of the doubling."""
    session = make_session(acme=Server(faults=[busy(7.0), busy()]))
    log = record_events(session)
    (answer,) = run_at_once(ask(session, warm()))
    assert answer.error is None
    assert [event.seconds for event in log.of(Retrying)] == [7.0, 0.8]


@pytest.mark.parametrize("retry_after", [None, 4.0, 3600.0])
def test_a_server_that_stays_overloaded_is_named_so(make_session: MakeSession, retry_after: float | None) -> None:
    """The limit of time is the model's own, and the kind stays what it was."""
    server = Server(faults=[busy(retry_after) for _ in range(1000)])
    (answer,) = run_at_once(ask(make_session(acme=server), warm(), limits=Limits(timeout=30)))
    assert answer.error is not None
    assert answer.error.kind == "overloaded"
    assert answer.seconds is not None
    assert answer.seconds <= 30


@pytest.mark.parametrize(
    ("retry_after", "words"),
    [(4.25, "after 4.25 s, and"), (3600.4, "after 3600 s, and"), (1e20, "after more than a day, and")],
)
def test_when_a_server_wants_to_be_asked_again_is_told(
    make_session: MakeSession, retry_after: float, words: str
) -> None:
    """As a person writes a number; what a header says may be no number of use."""
    session = make_session(acme=Server(faults=[busy(retry_after)]))
    (answer,) = run_at_once(ask(session, warm(), limits=Limits(timeout=3)))
    assert answer.error is not None
    assert words in answer.error.message


def test_a_server_that_hangs_after_it_was_overloaded_is_still_overloaded(make_session: MakeSession) -> None:
    """It never began to answer, and had said why."""
    server = Server(faults=[busy()], answer_seconds=1e6)
    (answer,) = run_at_once(ask(make_session(acme=server), warm(), limits=Limits(timeout=30)))
    assert (answer.error and answer.error.kind, answer.seconds) == ("overloaded", 30.0)


def test_nothing_else_is_tried_again(make_session: MakeSession) -> None:
    """Nor is an overload after the answer has begun."""
    server = Server(faults=[ProviderError("broken", kind="server"), busy()])
    (answer,) = run_at_once(ask(make_session(acme=server), warm()))
    assert answer.error is not None
    assert answer.error.kind == "server"
    assert len(server.faults) == 1


# Loading


def test_a_model_is_loaded_once_for_all_of_its_samples(make_session: MakeSession) -> None:
    """And its load is no part of the time of an answer."""
    server = Server()
    session = make_session(acme=server)
    log = record_events(session)
    answers = run_at_once(ask(session, cold(parallel=3), samples=3))
    assert len(server.loads) == 1
    assert [event.seconds for event in log.of(Loaded)] == [5.0]
    assert [(answer.seconds, answer.load_seconds) for answer in answers] == [(2.0, 5.0), (2.0, None), (2.0, None)]


def test_a_load_that_fails_is_not_tried_for_every_sample(make_session: MakeSession) -> None:
    """All of them fail alike, in the time of one load."""
    server = Server(load_faults=[ProviderError("not enough memory", kind="server", hint="ask a smaller one")])
    answers = run_at_once(ask(make_session(acme=server), cold(), samples=3))
    assert [answer.error and answer.error.message for answer in answers] == 3 * ["not enough memory"]
    assert (server.load_faults, server.loads, server.asks) == ([], [], [])


def test_loads_go_on_beside_answers_one_at_a_time_on_a_host(make_session: MakeSession) -> None:
    """A model in memory answers while the others are loaded; another host loads its own meanwhile."""
    server = Server(in_memory={"warm"}, answer_seconds=7.0)
    models = [warm("warm", host="h", parallel=3), *(cold(name, host="h", parallel=3) for name in "ab")]
    run_at_once(ask(make_session(acme=server), *models, cold("other", host="i")))
    assert sorted(server.loads) == [("a", 0, 5), ("b", 5, 10), ("other", 0, 5)]
    assert sorted(server.asks) == [("a", 5, 12), ("b", 10, 17), ("other", 5, 12), ("warm", 0, 7)]


def test_a_model_that_its_question_loads_has_the_host_for_itself(make_session: MakeSession) -> None:
    """Its load would throw another out of memory, while that one answers."""
    server = Server(answer_seconds=7.0)
    models = [warm("warm", host="h"), *(attrs.evolve(cold(name, host="h"), loads_apart=False) for name in "ab")]
    run_at_once(ask(make_session(acme=server), *models))
    assert server.asks == [("warm", 0, 7), ("a", 12, 19), ("b", 24, 31)]


def test_a_load_that_takes_too_long_is_given_up(make_session: MakeSession) -> None:
    """After `--load-timeout` alone."""
    (answer,) = run_at_once(ask(make_session(acme=Server(load_seconds=200)), cold(), limits=Limits(load_timeout=120)))
    assert answer.error is not None
    assert (answer.error.message, answer.error.hint) == ("not loaded within 120 s", "raise --load-timeout")


def test_a_model_that_has_left_memory_is_loaded_and_asked_again(make_session: MakeSession) -> None:
    """Once, with the time of a load."""
    server = Server(load_seconds=60)
    model = attrs.evolve(cold(), loaded=True)
    (answer,) = run_at_once(ask(make_session(acme=server), model, limits=Limits(timeout=10)))
    assert (answer.text, answer.error, answer.load_seconds, answer.seconds) == ("done", None, 60.0, 2.0)
    server = Server(faults=[ProviderError("gone", unloaded=True) for _ in range(9)])
    (answer,) = run_at_once(ask(make_session(acme=server), model))
    assert answer.error is not None
    assert len(server.faults) == 7


def test_a_model_that_its_question_loads_is_asked_once_more_too(make_session: MakeSession) -> None:
    """Nothing is left of the first stream."""
    server = Server(faults=[ProviderError("gone", unloaded=True)], answer_seconds=60)
    (answer,) = run_at_once(ask(make_session(acme=server), warm(), limits=Limits(timeout=10)))
    assert (answer.text, answer.error) == ("done", None)


def test_samples_of_a_model_in_memory_come_before_a_load(make_session: MakeSession) -> None:
    """On a host that holds one request: the load would throw the model out that has still to answer."""
    server = Server()
    other = attrs.evolve(cold("b"), loads_apart=False)
    run_at_once(ask(make_session(acme=server), warm("a", slots=1), other, samples=2))
    assert [name for name, *_ in server.asks] == ["a", "a", "b", "b"]


def test_nothing_is_loaded_for_a_quorum_that_models_in_memory_can_give(make_session: MakeSession) -> None:
    """A load may throw out somebody else's model; where one in memory fails, the others are loaded at once."""

    def run(faults: list[Exception], enough: int | None) -> tuple[list[str], Server]:
        server = Server(in_memory={"a", "b"}, faults=faults)
        models = [warm("a", host="a"), warm("b", host="b"), cold("c", host="c")]

        async def until_enough() -> list[str]:
            usable: list[str] = []
            async with dispatch(make_session(acme=server), models, a_query(), enough=enough) as arrivals:
                async for answer in arrivals:
                    usable += [answer.model.name] if answer.is_usable else []
                    if len(usable) == enough:
                        break
            return usable

        return run_at_once(until_enough()), server

    assert run([], None)[0] == ["a", "b", "c"]
    assert run([], 3)[0] == ["a", "b", "c"]
    usable, server = run([], 2)
    assert (usable, server.loads) == (["a", "b"], [])
    usable, server = run([ProviderError("broken")], 2)
    assert (usable, server.loads) == (["b", "c"], [("c", 0, 5)])


def test_the_answers_end_though_nobody_leaves(make_session: MakeSession) -> None:
    """What was said to be enough is no promise."""
    server = Server(in_memory={"a"})
    answers = run_at_once(ask(make_session(acme=server), warm("a"), cold("c", host="c"), enough=1))
    assert [answer.model.name for answer in answers] == ["a", "c"]


def test_models_that_do_not_fit_together_are_asked_in_turn(make_session: MakeSession) -> None:
    """Once one was thrown out: else each sample would load its model again, and throw out the next one's."""
    server = Server(fits=1, load_seconds=1)
    models = [cold(name, host="h", parallel=3, slots=1) for name in "abc"]
    answers = run_at_once(ask(make_session(acme=server), *models, samples=6))
    assert [answer.error for answer in answers] == 18 * [None]
    assert len(server.loads) <= 6
