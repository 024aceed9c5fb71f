"""CodeConductor plugin: a person, or their editor, writes the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import Coder, Session


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[coder_manual]`."""
    from codeconductor_coder_manual._settings import TABLE, ManualSettings

    return TABLE, ManualSettings


@hookimpl
def conductor_coders(session: Session) -> list[Coder]:
    """The coder ``manual``."""
    from codeconductor_coder_manual._coder import ManualCoder
    from codeconductor_coder_manual._settings import TABLE, ManualSettings

    return [ManualCoder(session.settings(TABLE, ManualSettings))]
