"""What can go wrong between a client and a model server, each a function that makes a `Fault`.

A fault is an async generator over the frames of the reply as it should be; one of your own is written the same way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from codeconductor.testing.servers.faults.connections import cut, dies, dies_idle, refusing_host, reset, silence
from codeconductor.testing.servers.faults.refusals import (
    failed,
    overflowed,
    overloaded,
    redirected,
    removed,
    status,
    unloaded,
)
from codeconductor.testing.servers.faults.streams import (
    answered_by,
    broken_json,
    broken_utf8,
    empty,
    endless,
    error_frame,
    huge_frame,
    no_final,
    only_reasoning,
)
from codeconductor.testing.servers.faults.transfers import (
    broken_gzip,
    chunked,
    gzip_bomb,
    gzipped,
    rechunked,
    with_length,
)
from codeconductor.testing.servers.faults.turns import combined, held_until, only_first

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codeconductor.testing.servers.wire import Fault

FAULTS: Mapping[str, Callable[..., Fault]] = {
    maker.__name__: maker
    for maker in (
        answered_by,
        broken_gzip,
        broken_json,
        broken_utf8,
        chunked,
        cut,
        dies,
        dies_idle,
        empty,
        endless,
        error_frame,
        failed,
        gzip_bomb,
        gzipped,
        held_until,
        huge_frame,
        no_final,
        only_reasoning,
        overflowed,
        overloaded,
        rechunked,
        redirected,
        removed,
        reset,
        silence,
        status,
        unloaded,
        with_length,
    )
}
"""Every fault that can be named on the command line."""

__all__ = [
    "FAULTS",
    "answered_by",
    "broken_gzip",
    "broken_json",
    "broken_utf8",
    "chunked",
    "combined",
    "cut",
    "dies",
    "dies_idle",
    "empty",
    "endless",
    "error_frame",
    "failed",
    "gzip_bomb",
    "gzipped",
    "held_until",
    "huge_frame",
    "no_final",
    "only_first",
    "only_reasoning",
    "overflowed",
    "overloaded",
    "rechunked",
    "redirected",
    "refusing_host",
    "removed",
    "reset",
    "silence",
    "status",
    "unloaded",
    "with_length",
]
