"""CodeConductor plugin: the models of LM Studio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Chunk, Model, Problem, Query, Session


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[providers.lmstudio]`."""
    from codeconductor_lmstudio.settings import LMStudioSettings

    return "lmstudio", LMStudioSettings


@hookimpl
async def conductor_discover_models(session: Session) -> list[Model | Problem]:
    """The models of every configured host."""
    from codeconductor_lmstudio.discovery import find_models

    return await find_models(session)


@hookimpl
def conductor_query_model(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
    """One answer of one model, streamed."""
    if model.provider != "lmstudio":
        return None
    from codeconductor_lmstudio.chat import stream_answer

    return stream_answer(session, model, query)
