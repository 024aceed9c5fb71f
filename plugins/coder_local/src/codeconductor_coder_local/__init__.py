"""CodeConductor plugin: a local model writes the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import Coder, Session


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[coder_local]`."""
    from codeconductor_coder_local._settings import TABLE, LocalSettings

    return TABLE, LocalSettings


@hookimpl
def conductor_coders(session: Session) -> list[Coder]:
    """The coder ``local``."""
    from codeconductor_coder_local._coder import LocalCoder
    from codeconductor_coder_local._settings import TABLE, LocalSettings

    return [LocalCoder(session.settings(TABLE, LocalSettings))]
