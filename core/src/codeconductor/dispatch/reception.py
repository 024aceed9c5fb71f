"""What has arrived of one answer, piece by piece, and the answer that is made of it, however it ended."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from codeconductor.dispatch.context import fewest_tokens, is_cut, likeliest_tokens
from codeconductor.dispatch.replies import read_reply
from codeconductor.dispatch.values import Answer, Chunk, Failure, Query, ToolCall, Usage
from codeconductor.errors import ProviderError
from codeconductor.events import Arriving

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor.discovery import Model
    from codeconductor.session import Session

MAX_ANSWER = 4 * 2**20
"""Characters of the longest answer that is kept; a model that goes on beyond it is stopped."""

_LONGEST_NAME = 200
"""Characters of a model's name that a warning repeats."""

HINTS: dict[str, str] = {
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


class Reception:
    """Takes in what arrives of one answer.

    Attributes:
        started: When the model was asked, by the loop's clock; None: not yet.
        load_seconds: That its load took; None: it was in memory, or loads while it answers.
        characters: Of text that have arrived.
    """

    def __init__(
        self, session: Session, model: Model, sample: int, query: Query, heard: Callable[[Chunk], None] | None
    ) -> None:
        self.started: float | None = None
        self.load_seconds: float | None = None
        self.characters = 0
        self._session = session
        self._model = model
        self._sample = sample
        self._query = query
        self._heard = heard
        self._clock = asyncio.get_running_loop().time
        self._first: float | None = None
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._thoughts = 0  # characters
        self._tool_calls: list[ToolCall] = []
        self._finish_reason: str | None = None
        self._usage = Usage()
        self._is_by_another = False

    @property
    def has_begun(self) -> bool:
        """Whether anything that the model says has arrived."""
        return self._first is not None

    def take(self, chunk: object) -> None:
        """Take a piece in.

        Raises:
            ProviderError: It is none (kind ``plugin``), or makes the answer longer than any may be (``protocol``).
        """
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
        self.characters += len(chunk.text)
        self._thoughts += len(chunk.reasoning)
        if chunk.model is not None and not self._is_by_another and not is_same_model(chunk.model, self._model.name):
            self._is_by_another = True  # said once, even where each piece has another name
            name = chunk.model[:_LONGEST_NAME]
            self._session.warn(f"{self._model.id} was asked, and {name!r} answered: is it still installed?")
        if self.characters + self._thoughts > MAX_ANSWER:
            raise ProviderError(
                f"the answer is longer than {MAX_ANSWER} characters",
                kind="protocol",
                hint="the model may repeat itself: ask another one",
            )
        if self._heard is not None:
            self._heard(chunk)
        if chunk.text or chunk.reasoning:
            self._session.events.emit(Arriving(self._model, self._sample, self.characters, self._thoughts))

    def answer(self, failure: Failure | None) -> Answer:
        """The answer as it stands: complete, or failed with what has arrived."""
        now, started = self._clock(), self.started
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
            load_seconds=self.load_seconds,
        )

    def text_alone(self, failure: Failure) -> Answer:
        """The text as it stands, where no answer can be made of what the plugin gave beside it."""
        text = _well_formed("".join(self._text))
        return Answer(model=self._model, sample=self._sample, text=text, error=failure)

    def failure(self, kind: str, message: str, hint: str | None = None) -> Failure:
        """A failure of this answer, without keys, and with what to do: by its kind, where there is no hint."""
        blanked, hint = self._session.blanked, hint or HINTS.get(kind)
        return Failure(kind=kind, message=blanked(message), hint=blanked(hint) if hint else None)

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

    def _empty(self, reasoning: str) -> Failure:
        if reasoning and self._finish_reason == "length":
            return self.failure("empty", "the reasoning used up the token limit", "ask a model that thinks less")
        if reasoning:
            return self.failure("empty", "only reasoning and no answer")
        return self.failure("empty", "the answer is empty")


def is_same_model(one: str, other: str) -> bool:
    """Whether two names mean one model: `:latest`, an instance's number, a quantization or a publisher may differ."""
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    last = re.split(r"[/\\]", name.lower().rstrip("/\\"))[-1].partition("@")[0]
    return re.sub(r":(latest|\d+)\Z|\.gguf\Z", "", last)


def _well_formed(text: str) -> str:
    """Join surrogates that were cut between two pieces, and replace those that stay alone: they cannot be written."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
