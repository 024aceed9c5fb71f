"""`conduct` keeps all that is known of a run, however it ends, and tells it to every plugin."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from codeconductor import Chunk, Consensus, conduct, hookimpl
from codeconductor.events import Answered, Arriving
from codeconductor.history import History, load_run
from codeconductor.plugins import CORE, PluginInfo
from codeconductor.testing import a_model, a_task

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from codeconductor import Answer, Model, Query, Run, Session
    from codeconductor.events import Event
    from codeconductor.testing import MakeSession


class First:
    """A strategy that takes the first answer."""

    name = "first"

    async def decide(self, task: object, answers: Sequence[Answer], bench: object) -> Consensus:
        return Consensus(outcome={"text": answers[0].text}, agreement=1.0, choice=answers[0])


class Plain:
    """A renderer that writes the outcome."""

    name = "plain"

    def render(self, task: object, consensus: Consensus, limits: object) -> str:
        return str(consensus.outcome["text"])


class Everything:
    """A provider of two models, of which `slow` never ends; a strategy, a renderer, and what it is told in the end."""

    def __init__(self) -> None:
        self.told: list[Run] = []

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        return [a_model("fast"), a_model("slow")]

    @hookimpl
    def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Chunk]:
        return self._stream(model)

    async def _stream(self, model: Model) -> AsyncIterator[Chunk]:
        yield Chunk(text=f"{model.name} says so.")
        if model.name == "slow":
            await asyncio.Event().wait()

    @hookimpl
    def conductor_consensus_strategies(self) -> list[First]:
        return [First()]

    @hookimpl
    def conductor_prompt_renderers(self) -> list[Plain]:
        return [Plain()]

    @hookimpl
    def conductor_run_finished(self, run: Run) -> None:
        self.told.append(run)


SETTINGS = {"run": {"renderer": "plain"}}


def test_a_run_that_is_interrupted_ends_with_every_answer_so_far(make_session: MakeSession) -> None:
    """Also with what had arrived of the answers that were not complete, as the history has it."""
    plugin = Everything()
    session = make_session(SETTINGS, everything=plugin)
    arrived: set[str] = set()

    async def main() -> None:
        running = asyncio.create_task(conduct(session, a_task()))

        def interrupt(event: Event) -> None:
            if isinstance(event, Answered):
                arrived.add(event.answer.model.name)
            elif isinstance(event, Arriving) and event.model.name == "slow":
                arrived.add("slow")
            if arrived == {"fast", "slow"} and not running.cancelling():
                running.cancel()

        session.events.subscribe(interrupt)
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(main())
    (run,) = plugin.told
    assert run.status == "interrupted"
    assert [(answer.model.name, answer.text) for answer in run.answers] == [
        ("fast", "fast says so."),
        ("slow", "slow says so."),
    ]
    slow = run.answers[1].error
    assert slow is not None
    assert slow.kind == "cancelled"


class OnlyVectors(Everything):
    """A provider whose one model is not made to chat, as an LM Studio just installed."""

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        return [a_model("embedder", kind="embedding")]


def test_where_no_model_can_chat_it_is_said_how_to_get_one(make_session: MakeSession) -> None:
    """Its server is running, so that "start it" would help nobody."""
    session = make_session(SETTINGS, vectors=OnlyVectors())
    run = asyncio.run(conduct(session, a_task()))
    assert run.error is not None
    assert "acme/embedder cannot chat" in run.error.message
    assert run.error.hint is not None
    assert "ollama pull" in run.error.hint
    assert "serve" not in run.error.hint


class Faulty:
    """A plugin that cannot be told."""

    @hookimpl
    def conductor_run_finished(self) -> None:
        raise ValueError("cannot trace")


def test_what_a_plugin_does_wrong_in_the_end_is_recorded_too(make_session: MakeSession, tmp_path: Path) -> None:
    """The history is told last, whatever the names of the plugins."""
    session: Session = make_session(SETTINGS | {"run": {"renderer": "plain", "quorum": 1}}, a=Everything(), z=Faulty())
    history = History(tmp_path)
    session.plugins.register(history, PluginInfo("history", CORE, "0"))
    session.events.subscribe(history.listen)
    run = asyncio.run(conduct(session, a_task()))
    history.close()
    (warning,) = run.warnings
    assert "cannot trace" in warning
    assert load_run(tmp_path, run.id)["warnings"] == [warning]
