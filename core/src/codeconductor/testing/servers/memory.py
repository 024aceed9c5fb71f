"""What a scripted server has in memory: loads with what was asked of them, room, and models that answer at once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import attrs

from codeconductor.testing.servers.record import Record
from codeconductor.testing.servers.script import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


@attrs.define(eq=False, kw_only=True)
class Load:
    """A load as it happened.

    Attributes:
        model: The name that the server has for it.
        instance: What was loaded; another name than the model's where it was there already.
        context_length: Tokens in force from then on.
        on_demand: Whether a question brought it about, not a request to load.
        at: When it began, in seconds of `time.monotonic`.
        ended: When it was done; None: it is not, or the client went away and it never will be.
    """

    model: str
    instance: str
    context_length: int
    on_demand: bool
    at: float = attrs.field(factory=time.monotonic)
    ended: float | None = None


class Memory(Record):
    """The part of a scripted server that loads models.

    Attributes:
        models: Scripts by name.
        loaded: Names of the models in memory; may be changed at any time.
        windows: Tokens in force by name, where a load asked for others than the script's.
        loads: Every load so far, in order of their beginnings.
        evicted: Names of the models that had to leave for another one, in order.
        most_loading: The most loads that were under way at the same time.
        most_answering: The most requests that a model answered at the same time, by its name.
    """

    def __init__(self, *models: ScriptedModel | str) -> None:
        super().__init__()
        scripts = [ScriptedModel(name=model) if isinstance(model, str) else model for model in models]
        self.models = {script.name: script for script in scripts}
        self.loaded = {script.name for script in scripts if script.loaded and not script.remote}
        self.windows: dict[str, int] = {}
        self.loads: list[Load] = []
        self.evicted: list[str] = []
        self.most_loading = 0
        self.most_answering: Counter[str] = Counter()
        self._loading = asyncio.Lock()
        self._under_way: Counter[str] = Counter()
        self._answering: Counter[str] = Counter()
        self._slots: dict[str, asyncio.Semaphore] = {}

    def window(self, model: ScriptedModel) -> int:
        """Tokens that are in force for a model, or will be when it is loaded without further words."""
        return self.windows.get(model.name, model.window) if model.name in self.loaded else model.window

    async def load(self, model: ScriptedModel, window: int | None = None, *, on_demand: bool = True) -> None:
        """Bring a model into memory; one that is there already costs nothing.

        One load at a time. A client that leaves aborts its own.

        Args:
            model: Which.
            window: Tokens to be in force; None: those of the script.
            on_demand: Whether a question brings it about.
        """
        if model.remote or model.name in self.loaded:
            return
        async with self._loading:
            if model.name not in self.loaded:
                await self._bring(model, window or model.window, on_demand=on_demand)

    async def _bring(self, model: ScriptedModel, window: int, *, on_demand: bool, instance: str | None = None) -> Load:
        """Load now, whatever is there or on its way."""
        load = Load(model=model.name, instance=instance or model.name, context_length=window, on_demand=on_demand)
        self.loads.append(load)
        self._under_way[model.name] += 1
        self.most_loading = max(self.most_loading, self._under_way.total())
        self._tell()
        try:
            await asyncio.sleep(model.load_seconds)
            load.ended = time.monotonic()
            self.loaded.add(model.name)
            if load.instance == model.name:
                self.windows[model.name] = window
            return load
        finally:
            self._under_way[model.name] -= 1
            self._tell()

    def evict(self, name: str) -> None:
        """Throw a model out to make room."""
        self.loaded.discard(name)
        self.evicted.append(name)
        self._tell()

    def at_once(self, model: ScriptedModel) -> int | None:
        """Requests that a model answers at once; None: all of them."""
        return model.parallel

    @asynccontextmanager
    async def answering(self, model: ScriptedModel, window: int | None = None) -> AsyncIterator[None]:
        """Held while a model answers, which is loaded first where it has to be.

        A request more than the model answers at once waits before it.
        """
        slot = self._slots.setdefault(model.name, asyncio.Semaphore(self.at_once(model) or 1_000_000))
        async with slot:
            await self.load(model, window)
            self._answering[model.name] += 1
            self.most_answering[model.name] = max(self.most_answering[model.name], self._answering[model.name])
            self._tell()
            try:
                yield
            finally:
                self._answering[model.name] -= 1
                self._tell()

    @staticmethod
    def prompt_text(body: Mapping[str, Any]) -> str:
        """The messages of a request, one after the other."""
        messages = body.get("messages") or []
        return "".join(str(message.get("content") or "") for message in messages if isinstance(message, dict))

    @classmethod
    def prompt_tokens(cls, body: Mapping[str, Any]) -> int:
        """Tokens of the messages, as the scripted servers count them: four characters each."""
        return len(cls.prompt_text(body)) // 4 + 1
