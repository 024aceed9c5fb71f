"""Asks models in parallel, each within its own limits, and keeps what arrives."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Self

import attrs

from codeconductor.dispatch.replies import read_reply
from codeconductor.dispatch.values import Answer, Chunk, Failure, Query, ToolCall, Usage
from codeconductor.errors import ConductorError, ProviderError
from codeconductor.events import Answered, Arriving, Asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from codeconductor.discovery import Model
    from codeconductor.session import Session

MAX_ANSWER = 4 * 2**20
"""Characters of the longest answer that is kept; a model that goes on beyond it is stopped."""


@attrs.frozen(kw_only=True)
class Limits:
    """Seconds that one model may take.

    Attributes:
        timeout: For generating, from the request on, or from the moment its load is done.
        load_timeout: For loading beforehand, where the model is not in memory.
    """

    timeout: float = 30.0
    load_timeout: float = 120.0


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
) -> AsyncIterator[Arrivals]:
    """Ask every model `samples` times, at most as many requests at once as each host can hold.

    Leaving the context cancels what is still under way, so that the servers stop generating. A model that fails costs
    only itself: its answer has an `error`, and whatever arrived before.

    Args:
        session: Plugins and clients of this invocation.
        models: In the order in which they are asked where a host cannot hold them all.
        query: One for all, or a function of the model. Samples of one model get seeds that follow each other.
        samples: Answers per model.
        limits: Seconds per answer.
    """
    requests = [(model, sample) for model in models for sample in range(samples)]
    arrivals = Arrivals(len(requests))
    hosts: dict[tuple[str | None, str], asyncio.Semaphore] = {}
    slots: dict[str, asyncio.Semaphore] = {}
    for model in models:
        hosts.setdefault((model.plugin, model.host), asyncio.Semaphore(model.parallel or 1))
        slots.setdefault(model.id, asyncio.Semaphore(model.slots or model.parallel or 1))

    async def ask(model: Model, sample: int) -> None:
        asked = query if isinstance(query, Query) else query(model)
        if asked.seed is not None:
            asked = attrs.evolve(asked, seed=asked.seed + sample)
        request = _Request(session, model, sample, limits or Limits())
        try:
            async with slots[model.id], hosts[model.plugin, model.host]:
                answer = await request.answer(asked)
        except asyncio.CancelledError:
            answer = request.given_up()
            arrivals.rest.append(answer)
            session.events.emit(Answered(answer))
            raise
        session.events.emit(Answered(answer))
        arrivals.put(answer)

    asking = [asyncio.create_task(ask(model, sample)) for model, sample in requests]
    try:
        yield arrivals
    finally:  # a quorum is reached, Ctrl-C or an error: nobody goes on asking
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        arrivals.close()


def _well_formed(text: str) -> str:
    """Join surrogates that were cut between two pieces, and replace those that stay alone: they cannot be written."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Request:
    """One request under way, and what has arrived of its answer."""

    def __init__(self, session: Session, model: Model, sample: int, limits: Limits) -> None:
        self._session = session
        self._model = model
        self._sample = sample
        self._limits = limits
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._length = [0, 0]  # characters of text, of reasoning
        self._tool_calls: list[ToolCall] = []
        self._finish_reason: str | None = None
        self._usage = Usage()
        self._started: float | None = None
        self._first: float | None = None

    async def answer(self, query: Query) -> Answer:
        """Ask, and wait for the end of the answer or of the time."""
        clock = asyncio.get_running_loop().time
        loading = self._model.loaded is False
        self._session.events.emit(Asked(self._model, self._sample, loading))
        self._started = clock()
        budget = self._limits.timeout + (self._limits.load_timeout if loading else 0)
        try:
            async with asyncio.timeout(budget) as deadline:
                stream = self._session.plugins.query_model(self._session, self._model, query)
                try:
                    async for chunk in stream:
                        if self._first is None and loading:
                            loading = False
                            deadline.reschedule(clock() + self._limits.timeout)
                        self._take(chunk, clock())
                finally:
                    close = getattr(stream, "aclose", None)  # so that the connection is closed now, not by chance
                    if close is not None:
                        await close()
        except TimeoutError:
            return self._answer(self._timed_out(loading), clock())
        except ProviderError as exc:
            return self._answer(self._failure(exc.kind, exc.message, exc.hint), clock())
        except ConductorError as exc:
            return self._answer(self._failure("plugin", exc.message, exc.hint), clock())
        except Exception as exc:  # noqa: BLE001 - whatever a provider raises costs only its own answer
            message = f"plugin {self._model.plugin!r} raised {type(exc).__name__}: {exc}"
            return self._answer(self._failure("plugin", message, "this is a fault of the plugin: report it"), clock())
        return self._answer(None, clock())

    def _take(self, chunk: object, now: float) -> None:
        if not isinstance(chunk, Chunk):
            raise ProviderError(f"the plugin gave {type(chunk).__name__} in place of a Chunk", kind="plugin")
        if self._first is None and (chunk.text or chunk.reasoning or chunk.tool_calls):
            self._first = now
        self._text.append(chunk.text)
        self._reasoning.append(chunk.reasoning)
        self._tool_calls.extend(chunk.tool_calls)
        self._finish_reason = chunk.finish_reason or self._finish_reason
        self._usage = chunk.usage or self._usage
        self._length[0] += len(chunk.text)
        self._length[1] += len(chunk.reasoning)
        if sum(self._length) > MAX_ANSWER:
            raise ProviderError(f"the answer is longer than {MAX_ANSWER} characters", kind="protocol")
        if chunk.text or chunk.reasoning:
            self._session.events.emit(Arriving(self._model, self._sample, *self._length))

    def _timed_out(self, loading: bool) -> Failure:
        if loading:
            seconds = self._limits.timeout + self._limits.load_timeout
            return self._failure("timeout", f"not loaded within {seconds:g} s", "raise --load-timeout")
        arrived = f"; {self._length[0]} characters had arrived" if self._length[0] else ""
        message = f"no complete answer within {self._limits.timeout:g} s{arrived}"
        return self._failure("timeout", message, "raise --timeout, or ask a smaller model")

    def _failure(self, kind: str, message: str, hint: str | None) -> Failure:
        blanked = self._session.blanked
        return Failure(kind=kind, message=blanked(message), hint=blanked(hint) if hint else None)

    def given_up(self) -> Answer:
        """What has arrived so far of an answer that is not waited for."""
        now = asyncio.get_running_loop().time()
        return self._answer(self._failure("cancelled", "not waited for", None), now)

    def _answer(self, error: Failure | None, now: float) -> Answer:
        reply = read_reply(_well_formed("".join(self._text)), _well_formed("".join(self._reasoning)))
        if error is None and not reply.text.strip() and not self._tool_calls:
            error = self._empty(reply.reasoning)
        started = self._started
        return Answer(
            model=self._model,
            sample=self._sample,
            text=reply.text,
            reasoning=reply.reasoning,
            tool_calls=self._tool_calls,
            data=reply.data,
            code=reply.code,
            finish_reason=self._finish_reason,
            error=error,
            usage=self._usage,
            seconds=None if started is None else now - started,
            first_token_seconds=None if started is None or self._first is None else self._first - started,
        )

    def _empty(self, reasoning: str) -> Failure:
        if reasoning and self._finish_reason == "length":
            return self._failure("empty", "the reasoning used up the token limit", "ask a model that thinks less")
        if reasoning:
            return self._failure("empty", "only reasoning and no answer", "ask again, or another model")
        return self._failure("empty", "the answer is empty", "ask again, or another model")
