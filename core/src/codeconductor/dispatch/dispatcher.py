"""Asks models in parallel: as many at once as their hosts can hold, those in memory first, loads one at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Self

import attrs

from codeconductor.dispatch.request import Limits, Request
from codeconductor.dispatch.values import Answer, Failure, Query
from codeconductor.events import Answered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from codeconductor.discovery import Model
    from codeconductor.dispatch.values import Chunk
    from codeconductor.session import Session


class Arrivals:
    """The answers in order of arrival; an async iterator that ends when every request has.

    Attributes:
        rest: The answers that were not waited for, filled when `dispatch` is left: those that came too late to be
            taken as they are, and what had arrived of the others.
    """

    def __init__(self, expected: int) -> None:
        self.rest: list[Answer] = []
        self._expected = expected
        self._queue: asyncio.Queue[Answer] = asyncio.Queue()

    @property
    def pending(self) -> int:
        """Answers that are still to come."""
        return self._expected

    def put(self, answer: Answer) -> None:
        """Take an answer in."""
        self._queue.put_nowait(answer)

    def close(self) -> None:
        """Put what nobody has taken to the rest."""
        while not self._queue.empty():
            self.rest.append(self._queue.get_nowait())

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Answer:
        if not self._expected:
            raise StopAsyncIteration
        answer = await self._queue.get()
        self._expected -= 1
        return answer


@asynccontextmanager
async def dispatch(
    session: Session,
    models: Sequence[Model],
    query: Query | Callable[[Model], Query],
    *,
    samples: int = 1,
    limits: Limits | None = None,
    enough: int | None = None,
    heard: Callable[[Chunk], None] | None = None,
) -> AsyncIterator[Arrivals]:
    """Ask every model `samples` times, at most as many requests at once as each host can hold.

    Leaving the context cancels what is still under way, so that the servers stop generating. A model that fails costs
    only itself: its answer has an `error`, and whatever arrived before.

    Args:
        session: Plugins and clients of this invocation.
        models: In the order in which they are asked where a host cannot hold them all; elsewhere those go first that
            took longest the last time in this session.
        query: One for all, or a function of the model. Samples of one model get seeds that follow each other.
        samples: Answers per model.
        limits: Seconds per answer.
        enough: Usable answers after which the caller leaves: models that are not in memory are loaded only where those
            that are cannot give so many. None: all are wanted.
        heard: Told of each piece of an answer as it arrives; for a single answer, as pieces do not say whose they are.
    """
    places = _places(models)
    reserve = _Reserve(enough, samples * sum(model.loaded is not False for model in models))
    arrivals = Arrivals(len(models) * samples)

    async def ask(request: Request, model: Model) -> Answer:
        try:
            if model.loaded is False:
                await reserve.is_needed.wait()
            return await places[model.id].answer(request)
        finally:
            await request.close()

    def begin(model: Model, sample: int) -> asyncio.Task[Answer]:
        asked = query if isinstance(query, Query) else query(model)
        if asked.seed is not None:
            asked = attrs.evolve(asked, seed=asked.seed + sample)
        request = Request(session, model, sample, asked, limits or Limits(), heard)

        def end(task: asyncio.Task[Answer]) -> None:  # whatever a plugin did: who waits would wait for ever
            answer = _answer_of(task, request)
            arrivals.put(answer)
            if model.loaded is not False:
                reserve.count(answer)
            if answer.seconds is not None:
                session.pace[model.id] = answer.seconds
            session.events.emit(Answered(answer))

        task = asyncio.create_task(ask(request, model))
        task.add_done_callback(end)
        return task

    asking = [begin(model, sample) for model in _in_turn(models, samples, session.pace) for sample in range(samples)]
    try:
        yield arrivals
    finally:  # a quorum is reached, Ctrl-C or an error: nobody goes on asking
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        arrivals.close()


def _in_turn(models: Sequence[Model], samples: int, pace: Mapping[str, float]) -> list[Model]:
    """The models in the order in which they are asked.

    To send a request takes a moment, and all wait for the slowest model: so it goes first (longest processing time
    first; Graham 1969). Where some wait for others the given order stays, as fast ones may be enough.
    """
    asked = Counter((model.plugin, model.host) for model in models)

    def haste(model: Model) -> float:
        is_at_once = asked[model.plugin, model.host] * samples <= (model.parallel or 1)
        return -pace.get(model.id, 0.0) if is_at_once and model.loaded is not False else 0.0

    return sorted(models, key=haste)


def _answer_of(task: asyncio.Task[Answer], request: Request) -> Answer:
    try:
        return request.given_up() if task.cancelled() else task.result()
    except BaseException as exc:  # noqa: BLE001 - a plugin may raise GeneratorExit as well
        return request.broken(exc)


class _Reserve:
    """Whether the models that are not in memory have to be loaded: not while those that are may give enough answers."""

    def __init__(self, enough: int | None, awaited: int) -> None:
        self.is_needed = asyncio.Event()
        self._missing = enough
        self._awaited = awaited
        self._look()

    def count(self, answer: Answer) -> None:
        """Take note of an answer of a model in memory."""
        self._awaited -= 1
        if answer.is_usable and self._missing is not None:
            self._missing -= 1
        self._look()

    def _look(self) -> None:
        if self._missing is None or self._awaited < self._missing or not self._awaited:
            self.is_needed.set()


@attrs.define(eq=False)
class _Host:
    """A server.

    Attributes:
        slots: For the requests that it can hold at once.
        loading: Held while a model of it loads.
        is_crowded: A model was thrown out of its memory: its models do not fit together, and are asked in turn.
    """

    slots: asyncio.Semaphore
    loading: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    is_crowded: bool = False


def _places(models: Sequence[Model]) -> dict[str, _Place]:
    hosts: dict[tuple[str | None, str], _Host] = {}
    for model in models:
        hosts.setdefault((model.plugin, model.host), _Host(asyncio.Semaphore(model.parallel or 1)))
    return {model.id: _Place(model, hosts[model.plugin, model.host]) for model in models}


class _Place:
    """One model on its host, for all of its samples: whether it is in memory, and how many it answers at once."""

    def __init__(self, model: Model, host: _Host) -> None:
        self._host = host
        # a queue of its own only where it holds less than its host: samples of one model are then asked in their turn
        is_narrow = model.slots is not None and model.slots < (model.parallel or 1)
        self._slots = asyncio.Semaphore(model.slots or 1) if is_narrow else nullcontext()
        self._loads_apart = model.loads_apart
        self._is_cold = model.loaded is False
        self._failure: Failure | None = None

    async def answer(self, request: Request) -> Answer:
        """Load the model where it must be, wait for a free slot, and ask."""
        failure = request.overflow()
        if failure is not None:
            return request.ended(failure)
        answer = await self._asked(request)
        if request.unloaded:  # it was thrown out of memory since discovery
            await request.close()
            self._is_cold = self._host.is_crowded = True
            answer = await self._asked(request)
        return answer

    async def _asked(self, request: Request) -> Answer:
        if self._is_cold or self._host.is_crowded:
            async with self._host.loading:
                answer = await self._made_ready(request)
                if answer is None and self._host.is_crowded:
                    async with self._slots, self._host.slots:
                        answer = await request.answer()
                if answer is not None:
                    return answer
        async with self._slots, self._host.slots:
            return await request.answer()

    async def _made_ready(self, request: Request) -> Answer | None:
        """None: the model is in memory. Where the question loads it, its answer; where it cannot be loaded, why."""
        if not self._is_cold:  # another sample has loaded it meanwhile
            return None
        if not self._loads_apart:
            async with self._slots, self._host.slots:
                return await request.answer(loads=True)
        if self._failure is None:  # what could not be loaded for one sample is not tried again for the next
            self._failure = await request.load()
        if self._failure is not None:
            return request.ended(self._failure)
        self._is_cold = False
        return None
