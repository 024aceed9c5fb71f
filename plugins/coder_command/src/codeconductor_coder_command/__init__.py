"""CodeConductor plugin: any command-line agent writes the code, by settings alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor import hookimpl

if TYPE_CHECKING:
    from codeconductor import Coder, Session


@hookimpl
def conductor_settings() -> tuple[str, type]:
    """`[coders]`, with a table `[coders.command.NAME]` for each agent."""
    from codeconductor_coder_command._settings import TABLE, CodersSettings

    return TABLE, CodersSettings


@hookimpl
def conductor_coders(session: Session) -> list[Coder]:
    """The agents of the settings, and the known ones."""
    from codeconductor_coder_command._coder import coders

    return list(coders(session))
