"""CodeConductor plugin: decides by majority, by weights or by the best model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import ConsensusStrategy


@hookimpl
def conductor_consensus_strategies() -> list[ConsensusStrategy]:
    """The strategies ``majority``, ``weighted`` and ``best``."""
    from codeconductor_consensus_majority._strategies import Best, Majority, Weighted

    return [Best(), Majority(), Weighted()]
