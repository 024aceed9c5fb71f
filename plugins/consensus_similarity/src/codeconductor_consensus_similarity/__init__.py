"""CodeConductor plugin: decides by how much alike the answers are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import ConsensusStrategy


@hookimpl
def conductor_consensus_strategies() -> list[ConsensusStrategy]:
    """The strategy ``medoid``."""
    from codeconductor_consensus_similarity._medoid import Medoid

    return [Medoid()]
