"""An example plugin for CodeConductor: the model `acme/parrot`, and the strategy `longest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import Chunk, Consensus, Model, hookimpl

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from codeconductor import Answer, Bench, ConsensusStrategy, Query, Task

PROVIDER = "acme"


@hookimpl
async def conductor_discover_models() -> list[Model]:
    """One model, which is always there."""
    return [Model(provider=PROVIDER, name="parrot", host="memory:")]


@hookimpl
def conductor_query_model(model: Model, query: Query) -> AsyncIterator[Chunk] | None:
    """What the parrot says; None: the model is somebody else's."""
    if model.provider != PROVIDER:
        return None
    return parrot(query)


async def parrot(query: Query) -> AsyncIterator[Chunk]:
    """Repeat the last message."""
    yield Chunk(text=query.messages[-1].content)


class Longest:
    """Trusts the longest answer; of two that are equally long, that of the model whose id comes first."""

    name = "longest"

    async def decide(self, task: Task, answers: Sequence[Answer], bench: Bench) -> Consensus:
        """Choose one answer; its share of the votes is its own vote."""
        best = min(answers, key=lambda answer: (-len(answer.text), answer.model.id, answer.sample))
        return Consensus(outcome={"text": best.text}, agreement=1 / len(answers), choice=best)


@hookimpl
def conductor_consensus_strategies() -> list[ConsensusStrategy]:
    """The strategy `longest`."""
    return [Longest()]
