"""What a strategy may use beyond the answers: the weights, a seed, the models once more, and the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from codeconductor.consensus import TrackRecord
from codeconductor.dispatch import Answer, Limits, Message, Query, dispatch
from codeconductor.errors import ConductorError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from codeconductor.discovery import Model
    from codeconductor.sandbox import Outcome
    from codeconductor.session import Session

T = TypeVar("T")

_SECONDS = 2.5
"""Of wall clock for all inputs of one candidate: functions take milliseconds, and what hangs is waited for in full."""


class SessionBench:
    """The `Bench` of a session.

    Attributes:
        weights: Weight by model id.
        record: What earlier tasks say of the models; none unless given.
        seed: For whatever a strategy draws by chance; further questions use the seeds after it.
        models: That `ask` can reach; none unless given.
    """

    def __init__(
        self,
        session: Session,
        *,
        weights: Mapping[str, float],
        seed: int,
        limits: Limits,
        record: TrackRecord | None = None,
        models: Sequence[Model] = (),
    ) -> None:
        self.weights = weights
        self.record = record or TrackRecord()
        self.seed = seed
        self.models = tuple(models)
        self._session = session
        self._limits = limits
        self._asked = 0

    @property
    def can_run(self) -> bool:
        """Whether `run` runs code here: it is allowed, and a sandbox works that is strong enough.

        The sandboxes are attacked when this is first asked, which takes a few tenths of a second.
        """
        from codeconductor.sandbox import find_sandbox, may_execute  # a run that compares no code needs none of it

        return may_execute(self._session) and find_sandbox(self._session) is not None

    def settings(self, name: str, cls: type[T]) -> T:
        """The plugin's own settings table.

        Raises:
            InputError: An unknown key or a wrong value.
        """
        return self._session.settings(name, cls)

    async def ask(
        self, model: Model, messages: Sequence[Message], response_schema: Mapping[str, Any] | None = None
    ) -> Answer:
        """Ask one model again; a failure is an answer with an `error`."""
        self._asked += 1
        query = Query(messages=messages, seed=self.seed + self._asked, response_schema=response_schema)
        async with dispatch(self._session, [model], query, limits=self._limits) as arrivals:
            return await anext(arrivals)

    async def run(
        self, programs: Sequence[str], inputs: Sequence[str], entry_point: str
    ) -> Sequence[Sequence[Outcome]]:
        """Run programs in the sandbox: a row of outcomes a program, in the order of the inputs.

        The interpreters that run them are started once a session, and closed with it.

        Args:
            programs: Whole Python sources.
            inputs: Sources of arguments, or standard inputs where there is no entry point.
            entry_point: A function's name, ``Solution().method``, or empty for a whole program.

        Raises:
            ConductorError: Nothing may be run here; a strategy looks at `can_run` first. Or the sandbox, which has
                worked, works no more.
        """
        from codeconductor.sandbox import Pool, SandboxError, find_sandbox, limits_for, may_execute

        sandbox = find_sandbox(self._session) if may_execute(self._session) else None
        if sandbox is None:
            raise ConductorError(
                f"{len(programs)} candidates are not run: it is forbidden, or no sandbox here is strong enough",
                hint="a strategy must look at bench.can_run first",
            )
        limits = limits_for(self._session, _SECONDS)
        pool = self._session.keep(("sandbox", sandbox.name), lambda: Pool(sandbox, limits))
        try:
            return await pool.run(programs, inputs, entry_point)
        except SandboxError as exc:
            raise ConductorError(
                f"the sandbox {sandbox.name!r} works no more: {exc}", hint="--no-execute runs no candidate"
            ) from exc
