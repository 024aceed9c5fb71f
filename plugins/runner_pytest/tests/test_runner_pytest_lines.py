"""The signed lines of a report: whole, cut off, and written by somebody else."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from codeconductor_runner_pytest._lines import Broken, read_lines

KEY = b"k" * 32


def line(number: int, kind: str = "case", key: bytes = KEY) -> bytes:
    text = json.dumps({"n": number, "kind": kind}).encode()
    return hmac.new(key, text, hashlib.sha256).hexdigest().encode() + b" " + text + b"\n"


def test_whole_lines_are_read_and_one_that_was_cut_off_is_not() -> None:
    report = line(0) + line(1)
    assert [told["n"] for told in read_lines(report + line(2)[:40], KEY)] == [0, 1]
    assert read_lines(b"", KEY) == []


@pytest.mark.parametrize(
    ("report", "message"),
    [
        (line(0) + line(1, key=b"other"), "line 2 was written by something else"),
        (line(0) + b"noise\n", "line 2 was written by something else"),
        (line(0) + line(0), "out of order"),
        (line(1), "out of order"),
        (line(0, "end") + line(1), "goes on after its end"),
    ],
)
def test_what_the_driver_did_not_write_is_found(report: bytes, message: str) -> None:
    """Foreign, replayed, left out, or put behind the end."""
    with pytest.raises(Broken, match=message):
        read_lines(report, KEY)
