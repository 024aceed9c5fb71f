"""Finds the coder that was asked for, and asks it to write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor.errors import ConductorError, InputError, PluginError, in_words
from codeconductor.handover.values import Written

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codeconductor.handover.values import Assignment, Coder
    from codeconductor.plugins import PluginInfo
    from codeconductor.session import Session

PACKAGE = "codeconductor-coder-local"
"""The distribution that is named to somebody who has no coder."""


def known_coders(session: Session) -> Mapping[str, tuple[str, Coder]]:
    """(plugin, coder) by the coder's name, also those that cannot be used here."""
    return session.plugins.coders(session)


def find_coder(session: Session, name: str) -> tuple[PluginInfo, Coder]:
    """The coder of that name, and the plugin that brings it.

    Raises:
        InputError: There is none of that name, or it cannot be used here.
    """
    return session.plugins.pick("coder", name, known_coders(session), PACKAGE)


def check_coder(session: Session, name: str) -> Coder:
    """Refuse, before any model is asked, a coder that does not exist or is not installed on this machine.

    Raises:
        InputError: There is none of that name, or its program is missing and was not named by the user.
    """
    _, coder = find_coder(session, name)
    found = getattr(coder, "found", None)
    if found is not None and found() is None:
        remedy = getattr(coder, "remedy", None)
        raise InputError(f"the coder {name!r} cannot be used here", hint=remedy or "`conductor doctor` says why")
    return coder


async def write(session: Session, name: str, assignment: Assignment) -> Written:
    """Let the coder write.

    Raises:
        PluginError: It raised something of its own, or gave something else than `Written`.
    """
    info, coder = find_coder(session, name)
    who = f"the coder {name!r} of plugin {info.name!r} ({info.source})"
    try:
        written = await coder.write(session, assignment)
    except ConductorError:
        raise
    except Exception as exc:
        raise PluginError(f"{who} failed: {in_words(exc)}") from exc
    if not isinstance(written, Written):
        raise PluginError(f"{who} gave {type(written).__name__}, not Written")
    for warning in written.warnings:
        session.warn(warning)
    return written
