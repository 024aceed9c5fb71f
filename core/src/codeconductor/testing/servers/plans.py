"""How a request is to be answered where no fault steps in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from codeconductor.testing.servers.wire import Frame
from codeconductor.value_classes import frozen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from codeconductor.testing.servers.script import ScriptedModel


@frozen(kw_only=True)
class Plan:
    """A reply that is still to be made.

    Attributes:
        frames: The body, made while it is sent; the headers go out with the first frame.
        status: HTTP status.
        content_type: Of the body.
        model: Whose script has the fault that may step in.
    """

    frames: AsyncIterator[Frame]
    status: int = 200
    content_type: str = "application/json"
    model: ScriptedModel | None = None


class Instead(Exception):
    """Raised by the frames of a plan, before the first of them: another plan takes its place."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(f"status {plan.status}")
        self.plan = plan


def dump(data: object) -> bytes:
    """JSON as servers write it: without blanks, other alphabets as they are."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()


async def one(frame: Frame) -> AsyncIterator[Frame]:
    """A body in one piece."""
    yield frame


def as_json(data: object, status: int = 200) -> Plan:
    """A JSON body."""
    return Plan(frames=one(Frame(dump(data), "whole")), status=status)


def as_text(text: str, status: int = 200) -> Plan:
    """A plain text."""
    return Plan(frames=one(Frame(text.encode(), "whole")), status=status, content_type="text/plain; charset=utf-8")
