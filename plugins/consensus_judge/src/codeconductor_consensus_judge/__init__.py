"""CodeConductor plugin: a model decides between the two largest groups of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import ConsensusStrategy


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[judge]`."""
    from codeconductor_consensus_judge._choice import TABLE, JudgeSettings

    return TABLE, JudgeSettings


@hookimpl
def conductor_consensus_strategies() -> list[ConsensusStrategy]:
    """The strategy ``judge``."""
    from codeconductor_consensus_judge._judge import Judge

    return [Judge()]
