"""Reads the signed lines that the driver reports."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any


class Broken(Exception):
    """A line is not the driver's, or one is missing. The lines before it are in `lines`."""

    def __init__(self, message: str, lines: list[dict[str, Any]]) -> None:
        super().__init__(message)
        self.lines = lines


def read_lines(report: bytes, key: bytes) -> list[dict[str, Any]]:
    """The reported objects in order; a last line that was cut off is left out.

    Raises:
        Broken: Somebody else wrote into the report.
    """
    lines: list[dict[str, Any]] = []
    whole, _, _ = report.rpartition(b"\n")
    for number, line in enumerate(whole.split(b"\n") if whole else []):
        signed, _, text = line.partition(b" ")
        mine = hmac.new(key, text, hashlib.sha256).hexdigest().encode()
        if not hmac.compare_digest(signed, mine):
            raise Broken(f"line {number + 1} was written by something else", lines)
        told = json.loads(text)
        if told["n"] != number:
            raise Broken(f"line {number + 1} is out of order", lines)
        if lines and lines[-1]["kind"] == "end":
            raise Broken("it goes on after its end", lines)
        lines.append(told)
    return lines
