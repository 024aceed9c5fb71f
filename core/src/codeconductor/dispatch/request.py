"""One request to one model: the steps of asking, its limits of time, another try where the server is overloaded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import attrs

from codeconductor.dispatch.context import fewest_tokens, longest_context
from codeconductor.dispatch.reception import HINTS, Reception
from codeconductor.dispatch.stream import Stream
from codeconductor.errors import ConductorError, ProviderError, in_words, is_fault
from codeconductor.events import Asked, Loaded, Retrying
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from codeconductor.discovery import Model
    from codeconductor.dispatch.values import Answer, Chunk, Failure, Query
    from codeconductor.session import Session

_DAY = 86_400.0

FIRST_RETRY = 0.4
"""Seconds before an overloaded server is asked again, where it does not say itself; then twice as many each time."""


@frozen(kw_only=True)
class Limits:
    """Seconds that one model may take.

    Attributes:
        timeout: For generating, from the request on, or from the moment its load is done.
        load_timeout: For loading beforehand, where the model is not in memory.
    """

    timeout: float = 30.0
    load_timeout: float = 120.0


class Request:
    """One question to one model.

    First `load`, where the model is not in memory and its provider loads it apart; then `answer`; `close` in any case.

    Attributes:
        unloaded: The model turned out not to be in memory: it should be loaded, and asked again.
    """

    def __init__(
        self,
        session: Session,
        model: Model,
        sample: int,
        query: Query,
        limits: Limits,
        heard: Callable[[Chunk], None] | None = None,
    ) -> None:
        self.unloaded = False
        self._reception = Reception(session, model, sample, query, heard)
        self._session = session
        self._model = model
        self._asked = model
        self._sample = sample
        self._query = query
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._stream: Stream | None = None
        self._awaited_load: float | None = None

    def overflow(self) -> Failure | None:
        """Why the prompt cannot fit into the model's context; None: as far as one can tell, it does."""
        window, tokens = longest_context(self._model), fewest_tokens(self._query)
        if window is None or tokens <= window:
            return None
        message = f"the prompt has at least {tokens} tokens, and the context of {self._model.name} has {window}"
        longer = f"{HINTS['context_overflow']}, or load the model with a longer context"
        return self._reception.failure("context_overflow", message, longer if self._model.loaded else None)

    async def load(self) -> Failure | None:
        """Bring the model into memory, which its provider does before the first chunk; None: it is there now."""
        self._session.events.emit(Asked(self._model, self._sample, loading=True))
        self._asked = attrs.evolve(self._model, loaded=False)  # discovery may have seen it in memory
        began = self._clock()
        await self.close()
        self._awaited_load = self._limits.load_timeout
        failure = await self._until(self._awaited_load, self._first_chunk)
        self._awaited_load = None
        if failure is None:
            self._reception.load_seconds = self._clock() - began
            self._session.events.emit(Loaded(self._model, self._reception.load_seconds))
        return failure

    async def answer(self, *, loads: bool = False) -> Answer:
        """Ask, and wait for the end of the answer or of the time.

        Args:
            loads: The question itself makes the server load the model: until the first sign of life it may take the
                time for a load too.
        """
        self._session.events.emit(Asked(self._model, self._sample, loads))
        self._reception.started = self._clock()
        if not loads:
            if self._asked.loaded is False:  # loaded meanwhile, for this sample or for another
                self._asked = attrs.evolve(self._model, loaded=True)
            return self.ended(await self._until(self._limits.timeout, self._rest))
        self._awaited_load = self._limits.load_timeout + self._limits.timeout
        return self.ended(await self._until(self._awaited_load, self._rest_when_loaded))

    async def close(self) -> None:
        """End the stream, so that the server stops."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def _until(self, seconds: float, step: Callable[[asyncio.Timeout], Awaitable[None]]) -> Failure | None:
        """Take a step within so many seconds; an overloaded server that has not begun to answer is asked again."""
        deadline = self._clock() + seconds
        overload: Failure | None = None
        tries, pause = 0, FIRST_RETRY
        while True:
            try:
                async with asyncio.timeout_at(deadline) as limit:
                    await step(limit)
                return None
            except TimeoutError:
                return overload if overload and not self._reception.has_begun else self._timed_out()
            except ProviderError as fault:
                failure = self._reception.failure(fault.kind, fault.message, fault.hint)
                self.unloaded = fault.unloaded and not self._reception.has_begun
                if fault.kind != "overloaded" or self._reception.has_begun:
                    return failure
                overload = failure
                wait = fault.retry_after or pause
            except ConductorError as exc:
                return self._reception.failure("plugin", exc.message, exc.hint)
            except BaseException as exc:  # all that a provider raises costs only its own answer
                if not is_fault(exc):
                    raise
                message = f"plugin {self._model.plugin!r} raised {in_words(exc)}"
                return self._reception.failure("plugin", message)
            tries += 1
            if self._clock() + wait >= deadline:
                asks = f"{wait:.0f}" if 10 <= wait < _DAY else f"{wait:.3g}"
                after = f"{asks} s" if wait < _DAY else "more than a day"
                later = f"it wants to be asked again after {after}, and the limit is {seconds:g} s"
                still = later if wait != pause else f"still so after {tries} tries"
                return attrs.evolve(overload, message=f"{overload.message}; {still}")
            self._session.events.emit(Retrying(self._model, self._sample, wait))
            await self.close()
            await asyncio.sleep(wait)
            pause *= 2

    async def _first_chunk(self, _limit: asyncio.Timeout) -> None:
        async for chunk in self._begun():
            self._reception.take(chunk)
            return

    async def _rest(self, _limit: asyncio.Timeout) -> None:
        stream = self._begun()
        stream.flow()
        async for chunk in stream:
            self._reception.take(chunk)

    async def _rest_when_loaded(self, limit: asyncio.Timeout) -> None:
        await self._first_chunk(limit)
        self._awaited_load = None
        limit.reschedule(self._clock() + self._limits.timeout)
        await self._rest(limit)

    def _begun(self) -> Stream:
        if self._stream is None:
            self._stream = Stream(self._session.plugins.query_model(self._session, self._asked, self._query))
        return self._stream

    def ended(self, failure: Failure | None) -> Answer:
        """The answer as it stands: complete, or failed with what has arrived."""
        return self._reception.answer(failure)

    def broken(self, exc: BaseException) -> Answer:
        """The text as it stands, where no answer can be made of what the plugin gave beside it, or raised."""
        message = f"what plugin {self._model.plugin!r} gave is no answer: {in_words(exc)}"
        return self._reception.text_alone(self._reception.failure("plugin", message))

    def given_up(self) -> Answer:
        """What has arrived so far of an answer that is not waited for."""
        return self.ended(self._reception.failure("cancelled", "not waited for"))

    def _timed_out(self) -> Failure:
        failure = self._reception.failure
        if self._awaited_load is not None:
            return failure("timeout", f"not loaded within {self._awaited_load:g} s", "raise --load-timeout")
        characters = self._reception.characters
        arrived = f"; {characters} characters had arrived" if characters else ""
        return failure("timeout", f"no complete answer within {self._limits.timeout:g} s{arrived}")
