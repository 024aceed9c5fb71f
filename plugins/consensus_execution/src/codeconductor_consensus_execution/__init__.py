"""CodeConductor plugin: decides by what the code does when it is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import ConsensusStrategy


@hookimpl
def conductor_consensus_strategies() -> list[ConsensusStrategy]:
    """The strategies ``execution``, ``mbr``, ``codet`` and ``b4``."""
    from codeconductor_consensus_execution._strategies import B4, MBR, CodeT, Execution

    return [Execution(), MBR(), CodeT(), B4()]
