"""CodeConductor plugin: any server with OpenAI's chat completions, such as llama.cpp's, vLLM, LocalAI and Jan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor import Chunk, Model, Problem, Query, Session


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[providers.openai_compatible]`."""
    from codeconductor_openai_compatible.settings import OpenAICompatibleSettings

    return "openai_compatible", OpenAICompatibleSettings


@hookimpl
async def conductor_discover_models(session: Session) -> list[Model | Problem]:
    """The models of every configured host; there is none by default, and nothing to import for it."""
    from codeconductor_openai_compatible.settings import OpenAICompatibleSettings

    settings = session.settings("openai_compatible", OpenAICompatibleSettings)
    if not (settings.hosts or settings.api_keys):
        return []
    from codeconductor_openai_compatible.discovery import find_models

    return await find_models(session)


@hookimpl
def conductor_query_model(session: Session, model: Model, query: Query) -> AsyncIterator[Chunk] | None:
    """One answer of one model, streamed."""
    if model.provider != "openai_compatible":
        return None
    from codeconductor_openai_compatible.chat import stream_answer

    return stream_answer(session, model, query)
