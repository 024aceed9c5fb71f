"""Plays recorded answers: a model for each that was recorded, at a pace that a person can watch."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from codeconductor import Chunk, InputError, Model, Problem, ProviderError, Usage

from codeconductor_replay._recording import PACKAGED, Recorded, read_recording
from codeconductor_replay._settings import ReplaySettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Query, Session

HOST = "recorded:"
"""Stands for the recording; no address."""

PIECES = 24
"""Chunks of an answer, about: enough to see it grow."""


def list_models(session: Session) -> list[Model | Problem]:
    """The models of the recording, or what is wrong with it."""
    try:
        answers = recording_of(session)
    except InputError as exc:
        return [Problem(provider="replay", error=exc.message, hint=exc.hint, offer="named")]
    parameters = {answer.model: answer.parameters for answer in answers}
    return [
        Model(
            provider="replay",
            name=name,
            host=HOST,
            loaded=True,
            offer="named",
            parameters=count,
            parallel=len(answers),
        )
        for name, count in parameters.items()
    ]


def recording_of(session: Session) -> tuple[Recorded, ...]:
    """The answers of the recording that the settings name, else of the packaged one.

    Raises:
        InputError: It cannot be read.
    """
    chosen = session.settings("replay", ReplaySettings).recording
    if chosen is None:
        return read_recording(PACKAGED)
    try:
        path = session.root / Path(chosen).expanduser()
    except RuntimeError as exc:
        raise InputError(
            f"the recording {chosen!r} is in nobody's home folder", hint="give a whole path in [providers.replay]"
        ) from exc
    return read_recording(path)


def play(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk]:
    """Stream the next recorded answer of the model to the task that the query contains.

    A query does not say which sample it is: the first of a session gets the first one, the next the next.
    """
    reel: _Reel = session.keep(("replay", HOST), lambda: _Reel(session))
    return reel.stream(reel.take(model.name, "\n".join(message.content for message in query.messages)))


class _Reel:
    """The recording as far as a session has played it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._answers = recording_of(session)
        self._pace = session.settings("replay", ReplaySettings).pace
        self._taken: Counter[tuple[str, str]] = Counter()

    def take(self, model: str, asked: str) -> Recorded | ProviderError:
        """The next answer of the model to the task in the words of a query, or why there is none."""
        mine = [answer for answer in self._answers if answer.model == model]
        task = max((answer.task for answer in mine if answer.task in asked), key=len, default=None)
        if task is None:
            recorded = ", ".join(dict.fromkeys(repr(answer.task) for answer in mine))
            return ProviderError(
                f"there is no recorded answer of {model!r} to this task; recorded: {recorded}",
                kind="refused",
                hint="`conductor demo` runs a task that is recorded",
            )
        samples = sorted((answer for answer in mine if answer.task == task), key=lambda answer: answer.sample)
        turn = self._taken[model, task]
        self._taken[model, task] += 1
        if turn >= len(samples):
            return ProviderError(
                f"{len(samples)} answers of {model!r} are recorded, and this would be one more",
                kind="refused",
                hint=f"ask for at most {len(samples)} --samples",
            )
        return samples[turn]

    async def stream(self, answer: Recorded | ProviderError) -> AsyncIterator[Chunk]:
        """Say an answer in pieces, in the time that it took when it was recorded times the pace."""
        if isinstance(answer, ProviderError):
            raise answer
        self._label(answer)
        first, between = self._times(answer)
        await asyncio.sleep(first)
        if answer.reasoning:
            yield Chunk(reasoning=answer.reasoning)
        for piece in _pieces(answer.answer):
            await asyncio.sleep(between)
            yield Chunk(text=piece)
        usage = Usage(prompt_tokens=answer.prompt_tokens, completion_tokens=answer.completion_tokens)
        yield Chunk(finish_reason=answer.finish_reason, usage=usage)

    def _label(self, answer: Recorded) -> None:
        when = f" on {answer.recorded}" if answer.recorded else ""
        what = f" from {answer.source}" if answer.source else ""
        self._session.warn(f"no model is asked: these are answers that were recorded{when}{what}{self._alike(answer)}")

    def _alike(self, answer: Recorded) -> str:
        """What to think of several models that are really one: they agree more easily."""
        if not answer.source:
            return ""
        same = [other for other in self._answers if (other.task, other.source) == (answer.task, answer.source)]
        names, temperatures = {other.model for other in same}, {other.temperature for other in same}
        if len(names) == 1:
            return ""
        how = f" at {len(names)} temperatures" if len(temperatures) == len(names) else ""
        return f"; the {len(names)} models here are this one{how}"

    def _times(self, answer: Recorded) -> tuple[float, float]:
        """Seconds to the first piece, and between one and the next."""
        slowest = max((other.seconds or 0.0 for other in self._answers if other.task == answer.task), default=0.0)
        if not slowest:
            return 0.0, 0.0
        scale = self._pace / slowest
        seconds = answer.seconds or 0.0
        first = min(answer.first_token_seconds or 0.0, seconds)
        return first * scale, (seconds - first) * scale / len(_pieces(answer.answer))

    async def aclose(self) -> None:
        """Nothing is held open."""


def _pieces(text: str) -> list[str]:
    """The text in about `PIECES` pieces, between words; joined they are the text."""
    words = re.findall(r"\S+\s*|\s+", text)
    step = max(1, math.ceil(len(words) / PIECES))
    return ["".join(words[start : start + step]) for start in range(0, len(words), step)] or [""]
