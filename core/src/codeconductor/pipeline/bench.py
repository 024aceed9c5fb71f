"""What a strategy may use beyond the answers: the weights, a seed, and the models once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeconductor.dispatch import Answer, Limits, Message, Query, dispatch
from codeconductor.errors import ConductorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor.discovery import Model
    from codeconductor.session import Session


class SessionBench:
    """The `Bench` of a session. This release has no sandbox, so it runs no code: `can_run` is false.

    Attributes:
        weights: Weight by model id.
        seed: For whatever a strategy draws by chance; further questions use the seeds after it.
    """

    def __init__(self, session: Session, *, weights: Mapping[str, float], seed: int, limits: Limits) -> None:
        self.weights = weights
        self.seed = seed
        self._session = session
        self._limits = limits
        self._asked = 0

    @property
    def can_run(self) -> bool:
        """Whether `run` runs code here."""
        return False

    async def ask(
        self, model: Model, messages: Sequence[Message], response_schema: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask one model again; a failure is an answer with an `error`."""
        self._asked += 1
        query = Query(messages=messages, seed=self.seed + self._asked, response_schema=response_schema)
        async with dispatch(self._session, [model], query, limits=self._limits) as arrivals:
            return await anext(arrivals)

    async def run(self, programs: Sequence[str], inputs: Sequence[Any], entry_point: str) -> Sequence[Sequence[Any]]:
        """Refused: there is no sandbox to run models' code in, and it is never run outside of one.

        Raises:
            ConductorError: Always; a strategy looks at `can_run` first.
        """
        raise ConductorError(
            f"{len(programs)} candidates are not run: there is no sandbox here",
            hint="a strategy must look at bench.can_run first",
        )
