"""`conductor demo`, and recording: what is recorded from a model is what is played."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import codeconductor_replay
import pytest
from click.testing import CliRunner
from codeconductor import Chunk, ConductorError, Consensus, Model, ProviderError, Query, Session, conduct, hookimpl
from codeconductor.testing import a_task
from codeconductor.testing.sessions import new_session
from codeconductor_replay import record as recording
from codeconductor_replay._recording import PACKAGED, read_recording
from codeconductor_replay.cli import demo

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from codeconductor import Answer, Bench, PromptLimits, Run, Task
    from codeconductor.testing.sessions import MakeSession


class Everything:
    """A provider of one model that thinks and says its temperature, a strategy and a renderer."""

    name = "jinja"  # the renderer that a run asks for unless told otherwise

    @hookimpl
    async def conductor_discover_models(self) -> list[Model]:
        return [Model(provider="acme", name="Parrot", host="memory:", parameters=7, parallel=1)]

    @hookimpl
    def conductor_query_model(self, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
        return say(query) if model.provider == "acme" else None

    @hookimpl
    def conductor_consensus_strategies(self) -> list[Everything]:
        return [self]

    @hookimpl
    def conductor_prompt_renderers(self) -> list[Everything]:
        return [self]

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        return Consensus(outcome={"text": answers[0].text}, agreement=len(answers) / 6, choice=answers[0])

    def render(self, task: Task, consensus: Consensus, limits: PromptLimits) -> str:
        return f"{task.text}: {consensus.outcome['text']}"


async def say(query: Query) -> AsyncIterator[Chunk]:
    if query.temperature == 9:
        raise ProviderError("too hot", kind="refused")
    yield Chunk(reasoning="thinking", text=f"at {query.temperature} with {query.seed}")
    yield Chunk(finish_reason="stop")


@pytest.fixture
def invoke(project_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command in a session that has just the plugins of this test."""

    def start(
        folder: Path | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        builtin: Mapping[str, object] | None = None,
    ) -> Session:
        return new_session(
            project_folder, overrides, acme=Everything(), replay=codeconductor_replay, **dict(builtin or {})
        )

    monkeypatch.setattr(Session, "start", start)
    return CliRunner().invoke


def test_answers_are_recorded_unchanged_a_model_for_each_temperature(invoke: Any, project_folder: Path) -> None:
    """With all that is known of them; the same call with the same seed records the same."""
    file = project_folder / "new.jsonl"
    arguments = ["Sing", "-o", str(file), "--id", "song", "-n", "2", "--provider", "acme", "--note", "by hand"]
    done = invoke(recording.record, [*arguments, "--temperature", "0", "--temperature", "0.5"])
    assert done.exit_code == 0, done.output
    answers = read_recording(file)
    assert [(a.model, a.sample, a.answer) for a in answers] == [
        ("parrot-t0", 0, "at 0.0 with 1"),
        ("parrot-t0", 1, "at 0.0 with 2"),
        ("parrot-t0.5", 0, "at 0.5 with 1"),
        ("parrot-t0.5", 1, "at 0.5 with 2"),
    ]
    first = answers[0]
    assert (first.task_id, first.task, first.reasoning, first.finish_reason) == ("song", "Sing", "thinking", "stop")
    assert (first.source, first.parameters, first.temperature) == ("acme/Parrot (by hand)", 7, 0.0)
    assert first.recorded
    assert first.seconds is not None


def test_with_one_temperature_or_none_the_models_keep_their_names(invoke: Any, project_folder: Path) -> None:
    """There is nothing to tell apart."""
    file = project_folder / "new.jsonl"
    assert invoke(recording.record, ["Sing", "-o", str(file), "--provider", "acme"]).exit_code == 0
    assert [answer.model for answer in read_recording(file)] == ["parrot"]


def test_nothing_is_written_where_no_model_answers(invoke: Any, project_folder: Path) -> None:
    """An earlier recording is not lost to a failure."""
    file = project_folder / "new.jsonl"
    file.write_text("earlier")
    done = invoke(recording.record, ["Sing", "-o", str(file), "--provider", "acme", "--temperature", "9"])
    assert done.exit_code != 0
    assert "too hot" in str(done.exception)
    assert file.read_text() == "earlier"


def test_the_demo_runs_the_recorded_task_on_the_packaged_answers(invoke: Any, project_folder: Path) -> None:
    """Whatever the project's own settings ask for, and labelled as recorded on standard error."""
    (project_folder / "conductor.toml").write_text(
        "[run]\nmodels = ['nobody*']\nsamples = 1\nlanguage = 'rust'\n[providers.replay]\npace = 0\n"
    )
    done = invoke(demo, [])
    answers = read_recording(PACKAGED)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"{answers[0].task}: {answers[0].answer}\n"
    assert "no model is asked: these are answers that were recorded on" in done.stderr


def test_a_recording_that_cannot_be_read_is_told_where_its_provider_is_named(make_session: MakeSession) -> None:
    """Others have models, but only this one was wanted: why it has none must not be lost."""
    tables = {
        "run": {"providers": ["replay"], "strategy": "jinja"},
        "providers": {"replay": {"recording": "nope.jsonl"}},
    }

    async def run() -> Run:
        async with make_session(tables, acme=Everything(), replay=codeconductor_replay) as session:
            return await conduct(session, a_task("Sing"))

    error = asyncio.run(run()).error
    assert isinstance(error, ConductorError)
    assert "cannot be read: no such file" in error.message
    assert "makes a recording" in (error.hint or "")


def test_the_demo_as_json_has_every_recorded_answer(invoke: Any, project_folder: Path) -> None:
    """The document of a run, as the main job gives it."""
    (project_folder / "conductor.toml").write_text("[providers.replay]\npace = 0\n")
    done = invoke(demo, ["--json", "-q"])
    run = json.loads(done.stdout)
    recorded = read_recording(PACKAGED)
    assert run["schema"] == "conductor.run/1"
    assert [answer["text"] for answer in run["answers"]] == [answer.answer for answer in recorded]
    assert all(answer["error"] is None for answer in run["answers"])
    assert any("recorded" in warning for warning in run["warnings"])
    assert done.stderr == ""


def test_conductor_finds_the_command() -> None:
    """By metadata, as any plugin's command."""
    (point,) = entry_points(group="codeconductor.commands", name="demo")
    assert point.load() is demo
