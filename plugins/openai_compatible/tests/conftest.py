"""A session in which the plugin of OpenAI-compatible servers is the only one, and real replies to replay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import codeconductor_openai_compatible
import pytest
from codeconductor.testing import make_session, play_cassette, project_folder
from codeconductor.testing.sessions import patience

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from codeconductor import Session
    from codeconductor.testing import MakeSession

__all__ = ["make_session", "patience", "project_folder"]  # fixtures


@pytest.fixture
def start(make_session: MakeSession) -> Callable[..., Session]:
    """Make a session with the plugin of OpenAI-compatible servers; the arguments are its settings."""
    return lambda **settings: make_session(
        {"openai_compatible": settings}, openai_compatible=codeconductor_openai_compatible
    )


@pytest.fixture
def replay() -> Callable[[str], AbstractContextManager[object]]:
    """Answer requests from a cassette alone; every reply must be asked for."""
    return lambda name: play_cassette(Path(__file__).parent / "cassettes" / f"{name}.yaml")
