"""A session in which Ollama's plugin is the only one, and real replies to replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_ollama
import pytest
from codeconductor.testing import make_session, play_cassette, project_folder
from codeconductor.testing.sessions import patience
from codeconductor_ollama import chat, discovery, windows

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from codeconductor import Session
    from codeconductor.testing import MakeSession

__all__ = ["make_session", "patience", "project_folder"]  # fixtures


@pytest.fixture
def anyio_backend() -> str:
    """Core runs on asyncio alone."""
    return "asyncio"


@pytest.fixture(autouse=True)
def thorough(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nice to know is waited for, unless a test says otherwise: a busy machine is slow."""
    for module, name in [(chat, "LOOKING"), (windows, "LOOKING"), (discovery, "DETAILS_WITHIN"), (discovery, "_GRACE")]:
        monkeypatch.setattr(module, name, 60.0)


@pytest.fixture
def start(make_session: MakeSession) -> Callable[..., Session]:
    """Make a session with Ollama's plugin; the arguments are its settings."""
    return lambda **settings: make_session({"ollama": settings}, ollama=codeconductor_ollama)


@pytest.fixture
def replay() -> Callable[[str], AbstractContextManager[object]]:
    """Answer requests from a cassette alone; every reply must be asked for."""
    return lambda name: play_cassette(Path(__file__).parent / "cassettes" / f"{name}.yaml")
