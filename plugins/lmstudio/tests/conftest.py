"""A session in which LM Studio's plugin is the only one, and real replies to replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_lmstudio
import pytest
from codeconductor.testing import make_session, play_cassette, project_folder
from codeconductor.testing.sessions import patience

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from codeconductor import Session
    from codeconductor.testing import MakeSession

__all__ = ["make_session", "patience", "project_folder"]  # fixtures


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody's token but a test's own."""
    for name in ("LM_API_TOKEN", "LMSTUDIO_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def start(make_session: MakeSession) -> Callable[..., Session]:
    """Make a session with LM Studio's plugin; the arguments are its settings."""
    return lambda **settings: make_session({"lmstudio": settings}, lmstudio=codeconductor_lmstudio)


@pytest.fixture
def replay() -> Callable[[str], AbstractContextManager[object]]:
    """Answer requests from a cassette alone; every reply must be asked for."""
    return lambda name: play_cassette(Path(__file__).parent / "cassettes" / f"{name}.yaml")
