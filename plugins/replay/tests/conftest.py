"""A session in which recorded answers are the only models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import codeconductor_replay
import pytest
from codeconductor.testing.sessions import make_session, project_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from codeconductor import Session
    from codeconductor.testing.sessions import MakeSession

__all__ = ["make_session", "project_folder"]


@pytest.fixture
def anyio_backend() -> str:
    """Core runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def write(project_folder: Path) -> Callable[..., Path]:
    """Write a recording into the project's folder: a dict a line, each with what is not given filled in."""

    def make(*lines: dict[str, Any] | str) -> Path:
        path = project_folder / "answers.jsonl"
        whole = {"task_id": "t", "task": "Add two numbers", "model": "parrot", "sample": 0, "answer": "a + b"}
        texts = [line if isinstance(line, str) else json.dumps(whole | line) for line in lines]
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path

    return make


@pytest.fixture
def start(make_session: MakeSession) -> Callable[..., Session]:
    """Make a session that names this provider; the arguments are the plugin's settings, at once unless they say."""

    def make(**settings: Any) -> Session:
        tables = {"run": {"providers": ["replay"]}, "providers": {"replay": {"pace": 0.0} | settings}}
        return make_session(tables, replay=codeconductor_replay)

    return make
