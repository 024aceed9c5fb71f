"""Plays recorded exchanges with real servers: proves that real replies are read rightly.

Chunk borders, time, cut streams and refused connections are not in a recording; the scripted servers have them.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from vcr.cassette import Cassette  # type: ignore[import-untyped]  # vcrpy has no types

MATCH_ON = ("method", "path", "query", "body")
"""What makes a request the recorded one: not its host, as servers have free ports, and never its turn, as requests are
sent in parallel."""

_SECRET = ["authorization", "x-api-key", "cookie"]
_CHANGING = ("seed",)


@contextmanager
def play_cassette(
    path: Path, *, match_on: Sequence[str] = MATCH_ON, record: bool = False, repeats: bool = False
) -> Iterator[Cassette]:
    """Answer every request from the recording at `path`; nothing is sent anywhere.

    Args:
        path: A YAML file, named after the server's version and the date.
        match_on: What makes a request the recorded one.
        record: Ask the real server, and write what it says; for the developer's own use, never in a test suite.
        repeats: Whether one recorded exchange may be played several times.

    Raises:
        AssertionError: Something that was recorded was not asked for, or something was asked for that is not in the
            recording (vcrpy's own exception is raised then too, but a dispatcher takes it for a failure of the model).
    """
    import vcr  # type: ignore[import-untyped]  # vcrpy has no types

    assert record or path.is_file(), f"no recording at {path}"
    player = vcr.VCR(
        record_mode="all" if record else "none",
        match_on=list(match_on),
        filter_headers=_SECRET,
        before_record_request=_without_what_changes,
        before_record_response=_without_cookies,
        decode_compressed_response=True,
    )
    with player.use_cassette(str(path), allow_playback_repeats=repeats) as cassette:
        foreign = [] if record else _noting_what_is_foreign(cassette)
        yield cassette
    assert not foreign, f"{path.name}: asked for and not recorded: {', '.join(foreign)}"
    left = [
        f"{request.method} {request.path}"
        for position, request in enumerate(cassette.requests)
        if not record and not cassette.play_counts[position]
    ]
    assert not left, f"{path.name}: recorded and never asked for: {', '.join(left)}"


def _noting_what_is_foreign(cassette: Any) -> list[str]:
    foreign: list[str] = []
    can_play = cassette.can_play_response_for

    def noting(request: Any) -> bool:
        playable = bool(can_play(request))
        if not playable:
            foreign.append(f"{request.method} {request.path}")
        return playable

    cassette.can_play_response_for = noting
    return foreign


def _without_what_changes(request: Any) -> Any:
    """Leave out of a JSON body what differs from run to run."""
    try:
        body = json.loads(request.body or b"")
    except ValueError:
        return request
    if isinstance(body, dict):
        for table in (body, body.get("options")):
            if isinstance(table, dict):
                for name in _CHANGING:
                    table.pop(name, None)
        request.body = json.dumps(body).encode()
    return request


def _without_cookies(response: dict[str, Any]) -> dict[str, Any]:
    headers = response.get("headers", {})
    for name in [name for name in headers if name.lower() == "set-cookie"]:
        del headers[name]
    return response
