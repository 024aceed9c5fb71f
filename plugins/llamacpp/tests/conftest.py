"""A session in which the embedded model's plugin is the only one, and the real weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import codeconductor_llamacpp
import pytest
from codeconductor.testing.sessions import make_session, project_folder

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Session
    from codeconductor.testing.sessions import MakeSession

__all__ = ["make_session", "project_folder"]


@pytest.fixture
def anyio_backend() -> str:
    """Core runs on asyncio alone."""
    return "asyncio"


@pytest.fixture
def start(make_session: MakeSession) -> Callable[..., Session]:
    """Make a session; the arguments are the plugin's settings."""

    def make(**settings: Any) -> Session:
        return make_session({"providers": {"llamacpp": settings}}, llamacpp=codeconductor_llamacpp)

    return make
