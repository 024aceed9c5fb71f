"""What is remembered of a host for as long as the session lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codeconductor import Session

    from codeconductor_lmstudio.wire import Instance


class Host:
    """One server.

    Attributes:
        instances: The one that answers, by the model's name, where the server tells of instances.
    """

    def __init__(self) -> None:
        self.instances: dict[str, Instance] = {}

    async def aclose(self) -> None:
        """Nothing is held beyond the session."""


def host_of(session: Session, address: str) -> Host:
    """The session's memory of the server at an address."""
    return session.keep(("lmstudio", address), Host)
