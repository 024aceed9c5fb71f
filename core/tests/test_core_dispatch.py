"""Dispatch asks in parallel, keeps to limits, and leaves nobody asked who is not waited for any more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Answer, Chunk, Message, Model, ProviderError, Query, hookimpl
from codeconductor.dispatch import Limits, dispatch
from codeconductor.dispatch.reception import MAX_ANSWER
from codeconductor.events import Answered
from codeconductor.testing import MakeSession, a_model, a_query, record_events, run_at_once

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from codeconductor import Session

FOREVER = 1e6


class Acme:
    """Models that say and do what a test wants: a script is an async generator function of the query.

    Attributes:
        asked: (model's name, seed) in the order of asking.
        most: The most requests at once, by host and by model.
    """

    def __init__(self, **scripts: Callable[[Query], AsyncIterator[Any]]) -> None:
        self.scripts = scripts
        self.asked: list[tuple[str, int | None]] = []
        self.closed: list[str] = []
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}

    @hookimpl
    def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Any]:
        return self._watched(model, query)

    async def _watched(self, model: Model, query: Query) -> AsyncIterator[Any]:
        self.asked.append((model.name, query.seed))
        for key in (model.host, model.name):
            self.now[key] = self.now.get(key, 0) + 1
            self.most[key] = max(self.most.get(key, 0), self.now[key])
        try:
            async for chunk in self.scripts[model.name](query):
                yield chunk
        finally:
            self.closed.append(model.name)
            for key in (model.host, model.name):
                self.now[key] -= 1


def says(*chunks: Any, every: float = 1.0) -> Callable[[Query], AsyncIterator[Any]]:
    """A script: each chunk after so many seconds; a text stands for a chunk of it, an exception is raised."""

    async def script(_query: Query) -> AsyncIterator[Any]:
        for chunk in chunks:
            await asyncio.sleep(every)
            if isinstance(chunk, BaseException):
                raise chunk
            yield Chunk(text=chunk) if isinstance(chunk, str) else chunk

    return script


async def hangs(_query: Query) -> AsyncIterator[Chunk]:
    await asyncio.sleep(FOREVER)
    yield Chunk(text="too late")


def mine(name: str, **fields: Any) -> Model:
    return a_model(name, plugin="acme", **fields)


async def answers_of(session: Session, models: Sequence[Model], **arguments: Any) -> list[Answer]:
    arguments.setdefault("query", a_query())
    async with dispatch(session, models, arguments.pop("query"), **arguments) as arrivals:
        return [answer async for answer in arrivals]


def one(make_session: MakeSession, script: Callable[[Query], AsyncIterator[Any]], **arguments: Any) -> Answer:
    """The answer of a model with this script."""
    model = arguments.pop("model", mine("m"))
    (answer,) = run_at_once(answers_of(make_session(acme=Acme(m=script)), [model], **arguments))
    return answer


# Order and parallelism


def test_answers_come_in_the_order_of_arrival(make_session: MakeSession) -> None:
    """All hosts are asked at once, and the fastest is heard first."""
    acme = Acme(slow=says("a", every=9), fast=says("b", every=1), middle=says("c", every=5))
    models = [mine(name, host=name) for name in acme.scripts]
    answers = run_at_once(answers_of(make_session(acme=acme), models))
    assert [(answer.model.name, answer.text, answer.seconds) for answer in answers] == [
        ("fast", "b", 1.0),
        ("middle", "c", 5.0),
        ("slow", "a", 9.0),
    ]
    assert [name for name, _ in acme.asked] == ["slow", "fast", "middle"]


@pytest.mark.parametrize(
    ("parallel", "again"), [(1, ["cold", "fast", "slow", "middle"]), (4, ["slow", "middle", "fast", "cold"])]
)
def test_who_took_longest_last_time_is_asked_first_where_all_are_asked_at_once(
    make_session: MakeSession, parallel: int, again: list[str]
) -> None:
    """Each request takes its time to be sent, and all wait for the slowest; where some have to wait, order stays."""
    acme = Acme(cold=says("d"), fast=says("a", every=1), slow=says("b", every=9), middle=says("c", every=5))
    models = [mine(name, host="one", parallel=parallel, loaded=name != "cold") for name in acme.scripts]
    session = make_session(acme=acme)

    async def twice() -> None:
        await answers_of(session, models)
        acme.asked.clear()
        await answers_of(session, models)

    run_at_once(twice())
    assert [name for name, _ in acme.asked] == again


@pytest.mark.parametrize(("parallel", "most"), [(None, 1), (1, 1), (3, 3), (9, 6)])
def test_a_host_gets_as_many_requests_at_once_as_it_can_hold(
    make_session: MakeSession, parallel: int | None, most: int
) -> None:
    """The others wait their turn, in the order given; one host does not hold up another."""
    acme = Acme(a=says("x"), b=says("x"), c=says("x"))
    models = [mine(name, host="h", parallel=parallel, slots=9) for name in "abc"]
    answers = run_at_once(answers_of(make_session(acme=acme), models, samples=2))
    assert acme.most["h"] == most
    assert [name for name, _ in acme.asked] == ["a", "a", "b", "b", "c", "c"]
    assert len(answers) == 6


def test_a_model_gets_as_many_as_it_has_slots(make_session: MakeSession) -> None:
    """Though its host could hold more."""
    acme = Acme(a=says("x"), b=says("x"))
    models = [mine("a", host="h", parallel=4, slots=1), mine("b", host="h", parallel=4, slots=3)]
    run_at_once(answers_of(make_session(acme=acme), models, samples=3))
    assert (acme.most["a"], acme.most["b"], acme.most["h"]) == (1, 3, 4)


def test_waiting_for_a_turn_does_not_count_against_the_limit(make_session: MakeSession) -> None:
    """The time of a request begins when it is sent."""
    acme = Acme(m=says("x", every=8))
    answers = run_at_once(
        answers_of(make_session(acme=acme), [mine("m", parallel=1)], samples=4, limits=Limits(timeout=10))
    )
    assert [(answer.error, answer.seconds) for answer in answers] == 4 * [(None, 8.0)]


def test_samples_of_one_model_have_seeds_that_follow_each_other(make_session: MakeSession) -> None:
    """And numbers from 0; without a seed the server chooses."""
    acme = Acme(m=says("x"))
    session = make_session(acme=acme)
    answers = run_at_once(answers_of(session, [mine("m", parallel=3)], query=a_query(seed=7), samples=3))
    assert sorted(answer.sample for answer in answers) == [0, 1, 2]
    assert acme.asked == [("m", 7), ("m", 8), ("m", 9)]
    run_at_once(answers_of(session, [mine("m")], query=a_query()))
    assert acme.asked[-1] == ("m", None)


def test_each_model_may_have_a_question_of_its_own(make_session: MakeSession) -> None:
    """The query is one for all, or a function of the model."""

    async def repeats(query: Query) -> AsyncIterator[Chunk]:
        yield Chunk(text=query.messages[0].content)

    models = [mine(name, host=name) for name in ("a", "b")]
    session = make_session(acme=Acme(a=repeats, b=repeats))
    answers = run_at_once(
        answers_of(session, models, query=lambda model: Query(messages=[Message("user", f"dear {model.name}")]))
    )
    assert sorted(answer.text for answer in answers) == ["dear a", "dear b"]


def test_nobody_to_ask_is_nothing_to_wait_for(make_session: MakeSession) -> None:
    """The iterator just ends."""
    assert run_at_once(answers_of(make_session(), [])) == []


@pytest.mark.parametrize(
    ("script", "kind", "text"),
    [
        (says("half", ProviderError("broke off", kind="protocol", hint="look")), "protocol", "half"),
        (says(ProviderError("full", kind="overloaded")), "overloaded", ""),
        (says(ProviderError("odd", kind="nonsense")), "plugin", ""),
        (says("half", ValueError("a bug")), "plugin", "half"),
        (says("half", 3), "plugin", "half"),
        (says(), "empty", ""),
        (says("  \n", Chunk(finish_reason="stop")), "empty", "  \n"),
    ],
    ids=["protocol", "overloaded", "unknown kind", "bug", "no chunk", "nothing", "blanks"],
)
def test_a_failure_costs_only_its_own_answer(
    make_session: MakeSession, script: Callable[[Query], AsyncIterator[Any]], kind: str, text: str
) -> None:
    """It is named with its kind, what arrived is kept, and the others answer."""
    acme = Acme(bad=script, good=says("fine"))
    answers = run_at_once(answers_of(make_session(acme=acme), [mine("bad", host="b"), mine("good", host="g")]))
    by_name = {answer.model.name: answer for answer in answers}
    assert by_name["good"].is_usable
    bad = by_name["bad"]
    assert (bad.error and bad.error.kind, bad.text, bad.is_usable) == (kind, text, False)
    assert acme.closed.count("bad") == len([name for name, _ in acme.asked if name == "bad"])


# Limits


def test_what_arrived_before_the_time_was_up_is_kept(make_session: MakeSession) -> None:
    """The failure tells how much that is."""
    answer = one(make_session, says(*"abcdef", every=1), limits=Limits(timeout=3.5))
    assert (answer.text, answer.error and answer.error.kind, answer.seconds) == ("abc", "timeout", 3.5)
    assert answer.error is not None
    assert answer.error.message == "no complete answer within 3.5 s; 3 characters had arrived"
    assert not answer.is_usable


def test_a_silent_model_costs_its_time_and_no_more(make_session: MakeSession) -> None:
    """A loaded model has no time for loading."""
    answer = one(make_session, hangs, limits=Limits(timeout=30, load_timeout=120))
    assert (answer.seconds, answer.first_token_seconds) == (30.0, None)
    assert answer.error is not None
    assert (answer.error.kind, answer.error.hint) == ("timeout", "raise --timeout, or ask a smaller model")


def test_loading_has_a_limit_of_its_own(make_session: MakeSession) -> None:
    """An empty first chunk says that the model is loaded; its time of generating begins there."""
    limits = Limits(timeout=10, load_timeout=100)
    cold = mine("m", loaded=False)

    async def loads(_query: Query) -> AsyncIterator[Chunk]:
        await asyncio.sleep(95)
        yield Chunk()
        await asyncio.sleep(8)
        yield Chunk(text="done")

    answer = one(make_session, loads, model=cold, limits=limits)
    assert (answer.text, answer.error, answer.seconds, answer.first_token_seconds) == ("done", None, 103.0, 103.0)

    async def stalls(_query: Query) -> AsyncIterator[Chunk]:
        await asyncio.sleep(50)
        yield Chunk()
        await asyncio.sleep(FOREVER)

    answer = one(make_session, stalls, model=cold, limits=limits)
    assert (answer.seconds, answer.error and answer.error.message) == (60.0, "no complete answer within 10 s")
    answer = one(make_session, hangs, model=cold, limits=limits)
    assert (answer.seconds, answer.error and answer.error.message) == (110.0, "not loaded within 110 s")


def test_an_answer_without_end_is_stopped(make_session: MakeSession) -> None:
    """A model that loops does not fill the memory; what it said is kept."""
    piece = "x" * (MAX_ANSWER // 4)
    answer = one(make_session, says(*(10 * [piece])))
    assert answer.error is not None
    assert answer.error.kind == "protocol"
    assert len(answer.text) == len(piece) * 5


# Leaving


def test_an_answer_that_was_complete_when_nobody_waited_any_more_is_kept(make_session: MakeSession) -> None:
    """A quorum may be reached while the next answer is already in."""
    session = make_session(acme=Acme(first=says("a"), second=says("b")))

    async def first_only() -> tuple[Answer, list[Answer]]:
        async with dispatch(session, [mine("first"), mine("second", host="s")], a_query()) as arrivals:
            first = await anext(arrivals)
            await asyncio.sleep(10)
        return first, arrivals.rest

    first, rest = run_at_once(first_only())
    assert {first.text, *(answer.text for answer in rest)} == {"a", "b"}
    assert [answer.error for answer in rest] == [None]


def test_leaving_cancels_who_is_still_asked_and_keeps_what_arrived(make_session: MakeSession) -> None:
    """Every stream is closed, so that the servers stop; the unfinished answers are there, marked as cancelled."""
    acme = Acme(fast=says("a"), slow=says("b", "c", *(100 * ["d"]), every=0.4), waiting=says("never"))
    models = [mine("fast", host="f"), mine("slow", host="s"), mine("waiting", host="s")]
    session = make_session(acme=acme)
    log = record_events(session)

    async def first_only() -> tuple[Answer, list[Answer], int]:
        async with dispatch(session, models, a_query()) as arrivals:
            first = await anext(arrivals)
            pending = arrivals.pending
        return first, arrivals.rest, pending

    first, rest, pending = run_at_once(first_only())
    assert (first.model.name, pending) == ("fast", 2)
    assert {a.model.name: (a.text, a.error and a.error.kind, a.seconds) for a in rest} == {
        "slow": ("bc", "cancelled", 1.0),
        "waiting": ("", "cancelled", None),
    }
    assert sorted(acme.closed) == ["fast", "slow"]
    assert len(log.of(Answered)) == 3


def test_an_exception_of_the_consumer_passes_through(make_session: MakeSession) -> None:
    """As it is, in no group, and after everybody was cancelled."""
    acme = Acme(fast=says("a"), slow=hangs)
    session = make_session(acme=acme)

    async def fails() -> None:
        async with dispatch(session, [mine("fast", host="f"), mine("slow", host="s")], a_query()) as arrivals:
            await anext(arrivals)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run_at_once(fails())
    assert sorted(acme.closed) == ["fast", "slow"]


def test_a_consumer_that_is_cancelled_cancels_the_models(make_session: MakeSession) -> None:
    """Ctrl-C: no request goes on."""
    acme = Acme(slow=hangs)
    session = make_session(acme=acme)

    async def interrupted() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await answers_of(session, [mine("slow")], limits=Limits(timeout=60))

    run_at_once(interrupted())
    assert acme.closed == ["slow"]
