"""Asks one model or the team, and makes of what they say one reply, in the pieces in which a client gets it."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs
from codeconductor import (
    Chunk,
    ConductorError,
    RunSettings,
    Usage,
    ask,
    conduct,
    consensus_document,
    decided_calls,
    estimate_tokens,
    frozen,
    make_conversation,
    none_will_do,
)

from codeconductor_serve._errors import ApiError, in_words, of_answers, of_conductor
from codeconductor_serve._progress import Progress
from codeconductor_serve._settings import ServeSettings
from codeconductor_serve._telling import Telling, with_ids

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from codeconductor import Answer, Consensus, Discovery, Model, Query, Run, Session, ToolCall

    from codeconductor_serve._catalogue import Catalogue
    from codeconductor_serve._closing import Closing
    from codeconductor_serve._wish import Wish

_FINISHES = frozenset({"stop", "length", "content_filter"})


@frozen(kw_only=True)
class Reply:
    """A whole reply.

    Attributes:
        text: What is said.
        tool_calls: Functions to be called, each with an id.
        reasoning: Of a model that was asked by its id.
        finish_reason: As the protocol knows it.
        prompt_tokens: Of the answer that was chosen; estimated where its server does not tell.
        completion_tokens: Likewise.
        extension: What is known of the team's decision; None: one model was asked.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    extension: Mapping[str, Any] | None = None


class Answering:
    """Answers wishes: so many at once, and a queue before them.

    Args:
        session: Of the server; each run has a branch of it.
        catalogue: Who can be asked.
        closing: Ends what is under way.
    """

    def __init__(self, session: Session, catalogue: Catalogue, closing: Closing) -> None:
        settings = session.settings("serve", ServeSettings)
        self._session = session
        self._catalogue = catalogue
        self._closing = closing
        self._run = attrs.evolve(session.settings("run", RunSettings), timeout=settings.timeout)
        self._note = settings.note
        self._places = asyncio.Semaphore(settings.parallel)
        self._most = settings.parallel + settings.queue
        self._here = 0

    async def answer(self, wish: Wish, tell: Callable[[Chunk], None]) -> Reply:
        """Ask whom the wish names.

        Args:
            wish: What is wanted.
            tell: Given each piece of the reply, and before it, as reasoning, how the team gets on.

        Raises:
            ApiError: Nobody of that name, no place in the queue, no answer, or the server ends.
        """
        with self._closing.working():
            return await self._answer(wish, tell)

    async def _answer(self, wish: Wish, tell: Callable[[Chunk], None]) -> Reply:
        async with self._place():
            asked = await self._catalogue.asked(wish.model)
            if asked.model is not None:
                return await self._by_model(asked.model, wish.query, tell)
            return await self._by_team(asked.found, asked.strategy, wish, tell)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._here >= self._most:
            message = f"{self._here} requests are answered or wait: ask again later"
            raise ApiError(429, message, code="queue_full")
        self._here += 1
        try:
            async with self._places:
                yield
        finally:
            self._here -= 1

    async def _by_model(self, model: Model, query: Query, tell: Callable[[Chunk], None]) -> Reply:
        telling = Telling(query, tell)
        answer = await ask(self._session.branch(run=self._run), model, query, heard=telling.heard)
        if answer.error is not None:
            raise of_answers([answer], in_words(f"{model.id}: {answer.error.message}", answer.error.hint))
        calls = tuple(telling.calls)
        if not calls and (query.tool_choice == "required" or not answer.text.strip()):
            raise of_conductor(none_will_do(query, [answer]), [answer])
        return _reply(query, answer, answer.text, calls, reasoning=answer.reasoning)

    async def _by_team(
        self, found: Discovery, strategy: str | None, wish: Wish, tell: Callable[[Chunk], None]
    ) -> Reply:
        seed = self._run.seed if wish.query.seed is None else wish.query.seed
        strategy = strategy or self._run.strategy
        branch = self._session.branch(run=attrs.evolve(self._run, strategy=strategy, seed=seed))
        branch.events.subscribe(Progress(tell))
        try:
            task = make_conversation(branch, wish.query)
            run = await conduct(branch, task, command="serve", found=found, writes_prompt=False)
        except ConductorError as exc:
            raise of_conductor(exc) from exc
        if run.consensus is None:
            raise of_conductor(run.error, run.answers) if run.error else ApiError(500, "the run failed", code="failed")
        reply = _chosen(wish.query, run, run.consensus)
        if (self._note if wish.note is None else wish.note) and not reply.tool_calls and not wish.query.response_schema:
            reply = attrs.evolve(reply, text=f"{reply.text}\n\n{_note(run.consensus)}")
        tell(Chunk(text=reply.text, tool_calls=reply.tool_calls))
        return reply


def _chosen(query: Query, run: Run, consensus: Consensus) -> Reply:
    """The chosen answer as it was given; where a strategy chose none, the outcome in words."""
    choice = consensus.choice
    calls = decided_calls(run.task, consensus)
    spelled = bool(calls) and not (choice is not None and choice.tool_calls)
    text = "" if spelled else _text(consensus)
    return _reply(query, choice, text, with_ids(calls), extension=_extension(run, consensus))


def _text(consensus: Consensus) -> str:
    if consensus.choice is not None:
        return consensus.choice.text
    outcome = consensus.outcome
    for name in ("text", "answer"):
        if isinstance(outcome.get(name), str):
            return str(outcome[name])
    return json.dumps(consensus_document(consensus)["outcome"], ensure_ascii=False, indent=2)


def _extension(run: Run, consensus: Consensus) -> dict[str, Any]:
    decided = consensus_document(consensus)
    usages = [answer.usage for answer in run.answers]
    return {
        "run": run.id,
        **{name: decided[name] for name in ("strategy", "confidence", "calibrated", "agreement")},
        "models": [model.id for model in run.models],
        **{name: decided[name] for name in ("choice", "disagreements", "witness", "advice")},
        "usage": {
            name: sum(getattr(usage, name) or 0 for usage in usages) for name in ("prompt_tokens", "completion_tokens")
        },
        "warnings": list(run.warnings),
    }


def _note(consensus: Consensus) -> str:
    word = "confidence" if consensus.calibrated else "agreement"
    fields = ", ".join(dict.fromkeys(disagreement.field for disagreement in consensus.disagreements))
    dissent = f"; they differ on: {fields}" if fields else ""
    return f"*conductor, {consensus.strategy}: {word} {consensus.confidence:.2f}{dissent}*"


def _reply(query: Query, answer: Answer | None, text: str, calls: tuple[ToolCall, ...], **more: Any) -> Reply:
    usage = Usage() if answer is None else answer.usage
    prompt, completion = usage.prompt_tokens, usage.completion_tokens
    if prompt is None:
        prompt = sum(estimate_tokens(message.content) for message in query.messages)
    reason = None if answer is None else answer.finish_reason
    return Reply(
        text=text,
        tool_calls=calls,
        finish_reason="tool_calls" if calls else reason if reason in _FINISHES and reason else "stop",
        prompt_tokens=prompt,
        completion_tokens=estimate_tokens(text) if completion is None else completion,
        **more,
    )
