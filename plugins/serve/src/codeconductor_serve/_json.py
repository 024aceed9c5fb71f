"""JSON as it is read, with nothing in it that could not be sent on; and as it is sent.

That is in ASCII, so that half a character or a line separator inside a text tears nothing.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from starlette.responses import Response

_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""How half a character is spelled, alone or beside its other half."""


class _NoJson(ValueError):
    """In words that are meant to be read."""


def read(data: bytes) -> Any:
    """A value; half a character in it becomes the sign for one.

    Raises:
        ValueError: It is none; the message says why.
    """
    try:
        text = data.decode("utf-8-sig")
        body = json.loads(text, parse_constant=_refused, parse_float=_finite)
        if _HALF.search(text):
            whole = json.dumps(body, ensure_ascii=False).encode("utf-16", "surrogatepass")
            body = json.loads(whole.decode("utf-16", "replace"))
    except UnicodeDecodeError as exc:
        raise ValueError("it is not in UTF-8") from exc
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc
    except (json.JSONDecodeError, _NoJson):
        raise
    except ValueError as exc:  # Python reads no whole number of more than 4300 digits
        raise ValueError("a number in it is too long") from exc
    return body


def _refused(name: str) -> NoReturn:
    raise _NoJson(f"{name} is no number")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise _NoJson(f"the number {digits[:40]} is too large")
    return number


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
