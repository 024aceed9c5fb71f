"""Answers that somebody has already ─▶ consensus: the same decision as in a run, without asking for answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor.consensus import decide, find_strategy
from codeconductor.discovery import Model, discover, in_reach
from codeconductor.dispatch import Answer, Limits, read_reply
from codeconductor.errors import InputError
from codeconductor.pipeline.bench import SessionBench
from codeconductor.settings import RunSettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor.consensus import Consensus
    from codeconductor.session import Session
    from codeconductor.task import Task


async def decide_given(session: Session, task: Task, texts: Sequence[str]) -> Consensus:
    """Decide between answers whose authors are not known, by the strategy of the session's table ``run``.

    Each counts as that of a model of its own, of equal weight. No model is asked unless the strategy asks some.

    Args:
        session: Settings and plugins.
        task: What was asked.
        texts: The answers as they were said; the model of the first is ``answer 1``, and so on.

    Raises:
        InputError: There is no answer, or no strategy of that name.
        NoAnswerError: None is usable: all are empty.
        PluginError: The strategy that was asked for by name raised.
    """
    settings = session.settings("run", RunSettings)
    if not texts:
        raise InputError("there is no answer to choose from", hint="give the texts of at least one")
    named = find_strategy(session, settings.strategy)
    asks = named is not None and getattr(named[1], "asks", False)
    answers = [_answer(number, text) for number, text in enumerate(texts, start=1)]
    bench = SessionBench(
        session,
        weights={answer.model.id: 1.0 for answer in answers},
        seed=settings.seed or 0,
        limits=Limits(timeout=settings.timeout, load_timeout=settings.load_timeout),
        models=in_reach((await discover(session)).models) if asks else (),
    )
    return await decide(session, task, answers, bench, strategy=settings.strategy)


def _answer(number: int, text: str) -> Answer:
    reply = read_reply(text)
    name = f"answer {number}"
    return Answer(
        model=Model(provider="given", name=name, host="given:", id=name),
        sample=0,
        text=reply.text,
        reasoning=reply.reasoning,
        data=reply.data,
        code=reply.code,
    )
