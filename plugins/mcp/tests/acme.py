"""A third party's plugin: the models of one scripted server, two strategies, a renderer and a test runner."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from codeconductor import Chunk, Consensus, Model, TestCase, TestRun, hookimpl, stream_openai_chat

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from codeconductor import Answer, Bench, Query, Session, Task, TestBench

SAID = "this would break the protocol if it reached standard output"


@hookimpl
async def conductor_discover_models() -> list[Model]:
    """The models that the environment names."""
    print(SAID)
    names = os.environ.get("ACME_MODELS", "").split()
    return [Model(provider="acme", name=name, host=os.environ["ACME_HOST"], loaded=True, parallel=4) for name in names]


@hookimpl
def conductor_query_model(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
    """Ask the scripted server."""
    return stream_openai_chat(session.client(model.host), model.name, query) if model.provider == "acme" else None


class Longest:
    """The longest answer."""

    name = "longest"

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Choose it."""
        best = max(answers, key=lambda answer: len(answer.text))
        return Consensus(outcome={"text": best.text}, agreement=1 / len(answers), choice=best)

    def suits(self, task: Task, answers: Sequence[Answer], bench: Bench) -> int:
        """Always."""
        return 1


class Broken:
    """A strategy that raises."""

    name = "broken"

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Raise."""
        raise ValueError("no idea")


class Plain:
    """A renderer."""

    name = "jinja"  # the one that a run asks for unless told otherwise

    def render(self, task: Task, consensus: Consensus, limits: object) -> str:
        """The task, what the models may read, and what they said."""
        return f"{task.text} {[file.path for file in task.context]}\n{consensus.outcome['text']}"


class Listing:
    """A runner that passes as many tests as there are files of the right name."""

    name = "listing"

    def fits(self, folder: Path, session: Session) -> int | None:
        """Where there is a test."""
        return 1 if [*folder.glob("*.case")] else None

    async def run_tests(self, bench: TestBench) -> TestRun:
        """A test a file; one that says so fails."""
        return TestRun(
            cases=[
                TestCase(name=file.stem, file=file.name, status="failed" if "fails" in file.read_text() else "passed")
                for file in sorted(bench.folder.glob("*.case"))
            ]
        )


@hookimpl
def conductor_consensus_strategies() -> list[Any]:
    """Both."""
    return [Longest(), Broken()]


@hookimpl
def conductor_prompt_renderers() -> list[Any]:
    """The one."""
    return [Plain()]


@hookimpl
def conductor_test_runners() -> list[Any]:
    """The one."""
    return [Listing()]
