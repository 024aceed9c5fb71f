"""The context length that a model is asked with: the server's own while that is enough, else one for the session.

Another `num_ctx` than the one in force makes the server load the model again, and so does leaving it out afterwards.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from codeconductor import estimate_tokens

from codeconductor_ollama.api import in_memory, show
from codeconductor_ollama.models import entry_of, longest_context

if TYPE_CHECKING:
    import httpx2
    from codeconductor import Model, Query, Session

REPLY = 1536
"""Tokens that a prompt leaves for its answer before a longer context is asked for."""

LOOKING = 1.0
"""Seconds that a look into the server's memory, or at what a model can, may take."""

_DEFAULT, _OLD_DEFAULT = 4096, 2048
"""Tokens of the shortest context that a server takes of itself: since 0.6.7, and before.

Servers that tell capabilities count among the former. They do since 0.6.4: the prompts that are just short enough for
4,096 by their cautious estimate mostly fit into 2,048 as well.
"""


class Window:
    """What is known, and what was decided, of the context of one model in one session."""

    def __init__(self) -> None:
        self._in_force: int | None = None
        self._asked_for: int | None = None
        self._loaded_with: int | None = None
        self._was_loaded = False

    async def num_ctx(self, client: httpx2.AsyncClient, model: Model, query: Query) -> int | None:
        """Tokens to ask for, with this query and every later one; None: what the server takes of itself will do.

        Chosen as a power of two, at most what the model can.
        """
        needed = _needed(query)
        if model.remote or needed <= (self._asked_for or 0):
            return self._asked_for
        given = self._asked_for or await self._given(client, model, needed)
        if needed > given:
            wanted = 1 << (needed - 1).bit_length()
            longest = model.max_context_length or longest_context(await show(client, model.name, LOOKING))
            if longest is not None:
                wanted = min(wanted, longest)
            if wanted > given:
                self._asked_for = wanted
        return self._asked_for

    async def _given(self, client: httpx2.AsyncClient, model: Model, needed: int) -> int:
        """Tokens in force without asking for any, at least: the server is asked only where that could matter."""
        default = _DEFAULT if model.capabilities else _OLD_DEFAULT
        if model.loaded is False and not self._was_loaded:
            return default
        if self._in_force is None and model.loaded and not self._was_loaded:  # as discovery saw it
            self._in_force = model.context_length
        if self._in_force is None and needed > default:
            await self.look(client, model)
        return self._in_force or default

    async def look(self, client: httpx2.AsyncClient, model: Model) -> int | None:
        """Tokens in force now; None: the server does not tell, as before 0.10, or the model is not in its memory."""
        entry = entry_of(model, await in_memory(client, LOOKING) or ())
        self._in_force = entry.context_length if entry else None
        return self._in_force

    def must_load(self, model: Model) -> bool:
        """Whether a model that is in memory has to be loaded again for the context that it is asked with."""
        return bool(model.loaded) and self._loaded_with != self._asked_for

    def loaded(self) -> None:
        """The model was loaded, with what is asked for."""
        self._was_loaded = True
        self._in_force = None
        self._loaded_with = self._asked_for

    async def aclose(self) -> None:
        """Nothing to give back; a session closes what it keeps."""


def window_of(session: Session, model: Model) -> Window:
    """What is known of a model's context in this session."""
    return session.keep(("ollama", model.host, model.name), Window)


def fewest_tokens(query: Query) -> int:
    """Tokens that the prompt has at least; a server that counts fewer has cached or cut it."""
    return sum(estimate_tokens(message.content) for message in query.messages) // 2


def _needed(query: Query) -> int:
    """Tokens that prompt and answer have, by a cautious estimate; tools are written into the prompt."""
    texts = [message.content for message in query.messages]
    if query.tools:
        texts.append(json.dumps(list(query.tools)))
    return sum(map(estimate_tokens, texts)) + min(query.max_tokens or REPLY, REPLY)
