"""What is remembered of a host for as long as the session lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeconductor import Session


class Host:
    """One server.

    Attributes:
        instances: What requests must name, by model, where that is another name than the model's own.
    """

    def __init__(self) -> None:
        self.instances: dict[str, str] = {}

    async def aclose(self) -> None:
        """Nothing is held beyond the session."""


def host_of(session: Session, address: str) -> Host:
    """The session's memory of the server at an address."""
    return session.keep(("lmstudio", address), Host)
