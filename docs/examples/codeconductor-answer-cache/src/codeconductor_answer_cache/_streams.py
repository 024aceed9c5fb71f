"""A stream that is kept when it ends well, and its repetition."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import Chunk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from codeconductor import Session

    from codeconductor_answer_cache._store import Store


async def repeated(answer: Chunk) -> AsyncIterator[Chunk]:
    """Say once more what was said."""
    yield answer


async def kept(stream: AsyncIterator[Chunk], store: Store, entry: Path, session: Session) -> AsyncIterator[Chunk]:
    """Give every chunk on as it comes, and keep them all once the stream has ended.

    A stream that raises, or that its reader leaves early, never gets to the end of this function.
    """
    chunks = []
    try:
        async for chunk in stream:
            chunks.append(chunk)
            yield chunk
    finally:  # whatever the stream holds open is given back at once
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    answer = _joined(chunks)
    if answer.finish_reason == "length" or not (answer.text.strip() or answer.tool_calls):
        return
    try:
        store.write(entry, answer)
    except OSError as exc:  # the answer itself is whole, and must not be lost for want of room
        session.warn(f"an answer was not kept in the answer cache: {exc}")


def _joined(chunks: list[Chunk]) -> Chunk:
    return Chunk(
        text="".join(chunk.text for chunk in chunks),
        reasoning="".join(chunk.reasoning for chunk in chunks),
        tool_calls=[call for chunk in chunks for call in chunk.tool_calls],
        finish_reason=next((chunk.finish_reason for chunk in reversed(chunks) if chunk.finish_reason), None),
        usage=next((chunk.usage for chunk in reversed(chunks) if chunk.usage), None),
    )
