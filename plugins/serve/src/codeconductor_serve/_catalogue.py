"""Which models there are: discovery, remembered for a while, and the names under which they are asked."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

from codeconductor import discover, frozen

from codeconductor_serve._errors import ApiError, in_words, unknown_model

if TYPE_CHECKING:
    from codeconductor import Discovery, Model, Session

TEAM = "conductor"

FRESH = 5.0
"""Seconds for which a discovery stands; for a while after that it is still used, while the next one goes on."""

KEPT = 60.0
"""Seconds after which it is used no more."""

AGAIN = 1.0
"""Seconds after which it is done anew for a name that it does not have."""


@frozen(kw_only=True)
class Asked:
    """Who is meant by a name: one `model`, or where that is None the team, with the `strategy` that was named."""

    found: Discovery
    model: Model | None = None
    strategy: str | None = None


class Catalogue:
    """What can be asked in a session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._clock = asyncio.get_running_loop().time
        self._looked = -math.inf
        self._found: Discovery | None = None
        self._looking: asyncio.Task[Discovery] | None = None

    async def found(self, *, within: float = KEPT) -> Discovery:
        """All that was found, at most so many seconds ago."""
        age = self._clock() - self._looked
        if self._found is None or age > within or (age > AGAIN and not chat_models(self._found)):
            return await asyncio.shield(self._look())
        if age > FRESH:
            self._look()
        return self._found

    async def asked(self, name: str) -> Asked:
        """Who is meant.

        Raises:
            ApiError: 404; the message has the nearest names. 503: it may be of a server that cannot be reached.
        """
        if name == TEAM:
            return Asked(found=await self.found())
        team, _, strategy = name.partition("/")
        if team == TEAM and strategy in self.strategies():
            return Asked(found=await self.found(), strategy=strategy)
        for within in (KEPT, AGAIN):
            found = await self.found(within=within)
            for model in chat_models(found):
                if model.id == name:
                    return Asked(found=found, model=model)
        for problem in found.problems:
            if name.startswith(f"{problem.provider}/"):
                where = problem.provider if problem.host is None else f"{problem.provider} at {problem.host}"
                message = f"the model {name[:200]!r} cannot be asked: {where} lists no models: {problem.error}"
                raise ApiError(503, in_words(message, problem.hint), code="server_unreachable", param="model")
        raise unknown_model(name, [*self.team_names(), *(model.id for model in chat_models(found))])

    def strategies(self) -> list[str]:
        """Names that may follow ``conductor/``."""
        return ["auto", *sorted(self._session.plugins.consensus_strategies())]

    def team_names(self) -> list[str]:
        """Names of the team."""
        return [TEAM, *(f"{TEAM}/{strategy}" for strategy in self.strategies())]

    async def aclose(self) -> None:
        """End a discovery that is under way."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    def _look(self) -> asyncio.Task[Discovery]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._discover())
        return self._looking

    async def _discover(self) -> Discovery:
        self._found = await discover(self._session)
        self._looked = self._clock()
        return self._found


def chat_models(found: Discovery) -> list[Model]:
    """The models that can be asked under their ids."""
    return [model for model in found.models if model.kind == "chat"]
