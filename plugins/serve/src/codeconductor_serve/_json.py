"""JSON as it is sent: in ASCII, so that half a character or a line separator inside a text tears nothing."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


def dump(data: object) -> bytes:
    """One line of JSON."""
    return json.dumps(data, separators=(",", ":")).encode("ascii")


def frame(data: object, event: str | None = None) -> bytes:
    """One server-sent event."""
    name = b"" if event is None else b"event: " + event.encode("ascii") + b"\n"
    return name + b"data: " + dump(data) + b"\n\n"


def reply(data: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON body."""
    return Response(dump(data), status, headers, media_type="application/json")
