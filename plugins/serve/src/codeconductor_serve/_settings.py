"""`[serve]`: how much is answered at once and for how long, who may ask, and whether replies end with a note."""

from __future__ import annotations

import math

from codeconductor import frozen, setting


def _at_least_one(_instance: object, _attribute: object, value: int) -> None:
    if value < 1:
        raise ValueError(f"expected 1 or more, got {value!r}")


def _not_negative(_instance: object, _attribute: object, value: int) -> None:
    if value < 0:
        raise ValueError(f"expected 0 or more, got {value!r}")


def _seconds(_instance: object, _attribute: object, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"expected a number above 0, got {value!r}")


@frozen(kw_only=True)
class ServeSettings:
    """`[serve]`; the address and the token are given on the command line alone."""

    parallel: int = setting(16, help="requests that are answered at once", validator=_at_least_one)
    queue: int = setting(
        512, help="requests that may wait beside these; one more is refused with 429", validator=_not_negative
    )
    timeout: float = setting(600.0, help="seconds that each model may generate for a request", validator=_seconds)
    note: bool = setting(False, help="end each reply of the team with a line on its confidence and dissent")
    hosts: tuple[str, ...] = setting(
        (), help="further host names under which the server may be asked, such as a proxy's", needs_trust=True
    )
    origins: tuple[str, ...] = setting(
        (), help="origins of web pages that may ask, such as 'https://chat.example'", needs_trust=True
    )
