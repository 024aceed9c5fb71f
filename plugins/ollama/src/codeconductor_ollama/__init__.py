"""CodeConductor plugin: the models of Ollama servers, over Ollama's native API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Chunk, Model, Problem, Query, Session


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[providers.ollama]`."""
    from codeconductor_ollama.settings import OllamaSettings

    return "ollama", OllamaSettings


@hookimpl
async def conductor_discover_models(session: Session) -> list[Model | Problem]:
    """The installed models of every configured host."""
    from codeconductor_ollama.discovery import find_models

    return await find_models(session)


@hookimpl
def conductor_query_model(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
    """One answer of one model, streamed."""
    if model.provider != "ollama":
        return None
    from codeconductor_ollama.chat import stream_answer

    return stream_answer(session, model, query)
