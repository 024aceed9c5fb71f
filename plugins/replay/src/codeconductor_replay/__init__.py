"""CodeConductor plugin: recorded answers as models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Chunk, Model, Problem, Query, Session

PROVIDER = "replay"


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """``[providers.replay]``."""
    from codeconductor_replay._settings import ReplaySettings

    return PROVIDER, ReplaySettings


@hookimpl
async def conductor_discover_models(session: Session) -> list[Model | Problem]:
    """The models of the recording; they are offered only where this provider is named."""
    from codeconductor_replay._playing import list_models

    return list_models(session)


@hookimpl
def conductor_query_model(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
    """Say what the model said when it was recorded."""
    if model.provider != PROVIDER:
        return None
    from codeconductor_replay._playing import play

    return play(session, model, query)
