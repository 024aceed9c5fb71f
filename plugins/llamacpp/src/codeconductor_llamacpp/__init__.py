"""CodeConductor plugin: models in a process of our own, without any server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Chunk, Model, Problem, Query, Session

PROVIDER = "llamacpp"


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """``[providers.llamacpp]``."""
    from codeconductor_llamacpp._settings import LlamaCppSettings

    return PROVIDER, LlamaCppSettings


@hookimpl
async def conductor_discover_models(session: Session) -> list[Model | Problem]:
    """The model whose file is here; nothing is started and nothing but the file's header is read."""
    from codeconductor_llamacpp._weights import list_models

    return list_models(session)


@hookimpl
def conductor_query_model(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
    """Ask llama.cpp's own server, which is started once a session."""
    if model.provider != PROVIDER:
        return None
    from codeconductor_llamacpp._asking import ask

    return ask(session, model, query)
