"""An example plugin for CodeConductor: the same question to the same model is answered from disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator

    from codeconductor import Chunk, Model, Query, Session

    Stream = AsyncIterator[Chunk] | None


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[answer_cache]`."""
    from codeconductor_answer_cache._settings import AnswerCacheSettings

    return "answer_cache", AnswerCacheSettings


@hookimpl(wrapper=True)
def conductor_query_model(session: Session, model: Model, query: Query) -> Generator[None, Stream, Stream]:
    """Stand around the plugin that answers: give its stream on, or what it said before.

    A stream that nobody reads sends no request, so it costs nothing to ask for it first.
    """
    stream = yield
    if stream is None:
        return None
    from codeconductor_answer_cache._settings import AnswerCacheSettings
    from codeconductor_answer_cache._store import Store
    from codeconductor_answer_cache._streams import kept, repeated

    settings = session.settings("answer_cache", AnswerCacheSettings)
    if not settings.enabled:
        return stream
    store = Store(max_age=settings.max_age)
    entry = store.entry(model, query)
    answer = store.read(entry)
    return kept(stream, store, entry, session) if answer is None else repeated(answer)
