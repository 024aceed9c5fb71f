"""What a plugin keeps for a session lives exactly as long as the session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from codeconductor import Session

if TYPE_CHECKING:
    from pathlib import Path


class Machine:
    def __init__(self, closed: list[str], name: str) -> None:
        self.closed, self.name = closed, name

    async def aclose(self) -> None:
        self.closed.append(self.name)


def test_what_is_kept_is_made_once_a_key_and_closed_with_the_session(tmp_path: Path) -> None:
    """The second asker gets the first one's; the last one made is closed first."""
    closed: list[str] = []

    async def use() -> None:
        async with Session.start(tmp_path) as session:
            first = session.keep(("acme", "one"), lambda: Machine(closed, "one"))
            assert session.keep(("acme", "one"), lambda: Machine(closed, "never")) is first
            assert session.keep(("acme", "two"), lambda: Machine(closed, "two")) is not first
            assert closed == []

    asyncio.run(use())
    assert closed == ["two", "one"]


def test_what_cannot_be_closed_is_a_warning(tmp_path: Path) -> None:
    """The work is done, and the others are closed all the same."""
    closed: list[str] = []

    class Stuck:
        async def aclose(self) -> None:
            raise RuntimeError("stuck")

    async def use() -> tuple[str, list[str]]:
        async with Session.start(tmp_path) as session:
            session.keep(("acme", "one"), lambda: Machine(closed, "one"))
            session.keep(("acme", "two"), Stuck)
            result = "the prompt"
        return result, session.warnings

    result, warnings = asyncio.run(use())
    assert result == "the prompt"
    assert closed == ["one"]
    assert [warning for warning in warnings if "RuntimeError: stuck" in warning]
