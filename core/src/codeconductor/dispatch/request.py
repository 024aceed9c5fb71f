"""One request to one model: its limits of time, another try where the server is overloaded, and what has arrived."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import attrs

from codeconductor.dispatch.context import fewest_tokens, is_cut, likeliest_tokens, longest_context
from codeconductor.dispatch.replies import read_reply
from codeconductor.dispatch.values import Answer, Chunk, Failure, Query, ToolCall, Usage
from codeconductor.errors import ConductorError, ProviderError, is_fault
from codeconductor.events import Arriving, Asked, Loaded, Retrying

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from codeconductor.discovery import Model
    from codeconductor.session import Session

MAX_ANSWER = 4 * 2**20
"""Characters of the longest answer that is kept; a model that goes on beyond it is stopped."""

_LONGEST_NAME = 200
"""Characters of a model's name that a warning repeats."""

_DAY = 86_400.0

FIRST_RETRY = 0.4
"""Seconds before an overloaded server is asked again, where it does not say itself; then twice as many each time."""


_HINTS: dict[str, str] = {
    "unreachable": "is the server still running?",
    "refused": "the server's log may tell why",
    "overloaded": "ask fewer models or samples at once",
    "server": "look into the server's log",
    "protocol": "ask again; where it stays so, look into the server's log",
    "timeout": "raise --timeout, or ask a smaller model",
    "context_overflow": "shorten the task or its context files",
    "empty": "ask again, or another model",
    "plugin": "this is a fault of the plugin: report it",
}
"""What to do, by kind, where the provider does not know better."""


_KINDS = {"text": str, "reasoning": str, "finish_reason": str | None, "usage": Usage | None, "model": str | None}
"""Types of a chunk's fields, which a plugin without a type checker easily misses: a server's `content` may be null."""


@attrs.frozen(kw_only=True)
class Limits:
    """Seconds that one model may take.

    Attributes:
        timeout: For generating, from the request on, or from the moment its load is done.
        load_timeout: For loading beforehand, where the model is not in memory.
    """

    timeout: float = 30.0
    load_timeout: float = 120.0


class Request:
    """One question to one model, and what has arrived of its answer.

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
        self._heard = heard
        self._session = session
        self._model = model
        self._asked = model
        self._sample = sample
        self._query = query
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._stream: AsyncIterator[object] | None = None
        self._started: float | None = None
        self._first: float | None = None
        self._load_seconds: float | None = None
        self._awaited_load: float | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._length = [0, 0]  # characters of text, of reasoning
        self._tool_calls: list[ToolCall] = []
        self._finish_reason: str | None = None
        self._usage = Usage()
        self._is_by_another = False

    # The steps of asking

    def overflow(self) -> Failure | None:
        """Why the prompt cannot fit into the model's context; None: as far as one can tell, it does."""
        window, tokens = longest_context(self._model), fewest_tokens(self._query)
        if window is None or tokens <= window:
            return None
        message = f"the prompt has at least {tokens} tokens, and the context of {self._model.name} has {window}"
        longer = f"{_HINTS['context_overflow']}, or load the model with a longer context"
        return self._failure("context_overflow", message, longer if self._model.loaded else None)

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
            self._load_seconds = self._clock() - began
            self._session.events.emit(Loaded(self._model, self._load_seconds))
        return failure

    async def answer(self, *, loads: bool = False) -> Answer:
        """Ask, and wait for the end of the answer or of the time.

        Args:
            loads: The question itself makes the server load the model: until the first sign of life it may take the
                time for a load too.
        """
        self._session.events.emit(Asked(self._model, self._sample, loads))
        self._started = self._clock()
        if not loads:
            if self._asked.loaded is False:  # loaded meanwhile, for this sample or for another
                self._asked = attrs.evolve(self._model, loaded=True)
            return self.ended(await self._until(self._limits.timeout, self._rest))
        self._awaited_load = self._limits.load_timeout + self._limits.timeout
        return self.ended(await self._until(self._awaited_load, self._rest_when_loaded))

    async def close(self) -> None:
        """Close the connection now, and not by chance, so that the server stops."""
        stream, self._stream = self._stream, None
        close = getattr(stream, "aclose", None)
        if close is not None:
            try:
                await close()
            except BaseException as exc:  # a stream of a plugin that fails to close; what it gave stands
                if not is_fault(exc):
                    raise

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
                return overload if overload and not self._has_begun else self._timed_out()
            except ProviderError as fault:
                failure = self._failure(fault.kind, fault.message, fault.hint)
                self.unloaded = fault.unloaded and not self._has_begun
                if fault.kind != "overloaded" or self._has_begun:
                    return failure
                overload = failure
                wait = fault.retry_after or pause
            except ConductorError as exc:
                return self._failure("plugin", exc.message, exc.hint)
            except BaseException as exc:  # all that a provider raises costs only its own answer
                if not is_fault(exc):
                    raise
                message = f"plugin {self._model.plugin!r} raised {type(exc).__name__}: {exc}"
                return self._failure("plugin", message)
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
        async for chunk in self._chunks():
            self._take(chunk)
            return

    async def _rest(self, _limit: asyncio.Timeout) -> None:
        async for chunk in self._chunks():
            self._take(chunk)

    async def _rest_when_loaded(self, limit: asyncio.Timeout) -> None:
        await self._first_chunk(limit)
        self._awaited_load = None
        limit.reschedule(self._clock() + self._limits.timeout)
        await self._rest(limit)

    def _chunks(self) -> AsyncIterator[object]:
        if self._stream is None:
            self._stream = self._session.plugins.query_model(self._session, self._asked, self._query)
        return self._stream

    @property
    def _has_begun(self) -> bool:
        return self._first is not None

    def _take(self, chunk: object) -> None:
        if not isinstance(chunk, Chunk):
            raise ProviderError(f"the plugin gave {type(chunk).__name__} in place of a Chunk", kind="plugin")
        for name, kind in _KINDS.items():
            value = getattr(chunk, name)
            if not isinstance(value, kind):
                raise ProviderError(f"the plugin gave a Chunk whose {name} is {type(value).__name__}", kind="plugin")
        if self._first is None and (chunk.text or chunk.reasoning or chunk.tool_calls):
            self._first = self._clock()
        self._text.append(chunk.text)
        self._reasoning.append(chunk.reasoning)
        self._tool_calls.extend(chunk.tool_calls)
        self._finish_reason = chunk.finish_reason or self._finish_reason
        self._usage = chunk.usage or self._usage
        self._length[0] += len(chunk.text)
        self._length[1] += len(chunk.reasoning)
        if chunk.model is not None and not self._is_by_another and not is_same_model(chunk.model, self._model.name):
            self._is_by_another = True  # said once, even where each piece has another name
            name = chunk.model[:_LONGEST_NAME]
            self._session.warn(f"{self._model.id} was asked, and {name!r} answered: is it still installed?")
        if sum(self._length) > MAX_ANSWER:
            raise ProviderError(
                f"the answer is longer than {MAX_ANSWER} characters",
                kind="protocol",
                hint="the model may repeat itself: ask another one",
            )
        if self._heard is not None:
            self._heard(chunk)
        if chunk.text or chunk.reasoning:
            self._session.events.emit(Arriving(self._model, self._sample, *self._length))

    # What came of it

    def ended(self, failure: Failure | None) -> Answer:
        """The answer as it stands: complete, or failed with what has arrived."""
        now, started = self._clock(), self._started
        reply = read_reply(_well_formed("".join(self._text)), _well_formed("".join(self._reasoning)))
        if failure is None and not reply.text.strip() and not self._tool_calls:
            failure = self._empty(reply.reasoning)
        return Answer(
            model=self._model,
            sample=self._sample,
            text=reply.text,
            reasoning=reply.reasoning,
            tool_calls=self._tool_calls,
            data=reply.data,
            code=reply.code,
            finish_reason=self._finish_reason,
            error=failure,
            prompt_cut=self._prompt_cut(),
            usage=self._usage,
            seconds=None if started is None else now - started,
            first_token_seconds=None if started is None or self._first is None else max(0.0, self._first - started),
            load_seconds=self._load_seconds,
        )

    def broken(self, exc: BaseException) -> Answer:
        """The text as it stands, where no answer can be made of what the plugin gave beside it, or raised."""
        what = ": ".join(filter(None, (type(exc).__name__, str(exc))))
        message = f"what plugin {self._model.plugin!r} gave is no answer: {what}"
        text = _well_formed("".join(self._text))
        return Answer(model=self._model, sample=self._sample, text=text, error=self._failure("plugin", message))

    def given_up(self) -> Answer:
        """What has arrived so far of an answer that is not waited for."""
        return self.ended(self._failure("cancelled", "not waited for"))

    def _prompt_cut(self) -> bool | None:
        window = self._usage.context_length or (self._model.context_length if self._model.loaded else None)
        cut = is_cut(self._query, self._usage, window)
        if cut:
            read, fewest = self._usage.prompt_tokens or 0, fewest_tokens(self._query)
            sent = f"at least {fewest}" if read < fewest else f"about {likeliest_tokens(self._query)}"
            self._session.warn(
                f"{self._model.id} did not read the whole prompt: its server cut it to {read} of {sent} tokens; "
                "shorten the context files, or give it a longer context"
            )
        return cut

    def _timed_out(self) -> Failure:
        if self._awaited_load is not None:
            return self._failure("timeout", f"not loaded within {self._awaited_load:g} s", "raise --load-timeout")
        arrived = f"; {self._length[0]} characters had arrived" if self._length[0] else ""
        message = f"no complete answer within {self._limits.timeout:g} s{arrived}"
        return self._failure("timeout", message)

    def _empty(self, reasoning: str) -> Failure:
        if reasoning and self._finish_reason == "length":
            return self._failure("empty", "the reasoning used up the token limit", "ask a model that thinks less")
        if reasoning:
            return self._failure("empty", "only reasoning and no answer")
        return self._failure("empty", "the answer is empty")

    def _failure(self, kind: str, message: str, hint: str | None = None) -> Failure:
        blanked, hint = self._session.blanked, hint or _HINTS.get(kind)
        return Failure(kind=kind, message=blanked(message), hint=blanked(hint) if hint else None)


def is_same_model(one: str, other: str) -> bool:
    """Whether two names mean one model: `:latest`, an instance's number, a quantization or a publisher may differ."""
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    last = re.split(r"[/\\]", name.lower().rstrip("/\\"))[-1].partition("@")[0]
    return re.sub(r":(latest|\d+)\Z|\.gguf\Z", "", last)


def _well_formed(text: str) -> str:
    """Join surrogates that were cut between two pieces, and replace those that stay alone: they cannot be written."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
