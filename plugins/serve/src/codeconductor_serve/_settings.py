"""`[serve]`: how much is answered at once, who may ask, and whether replies end with a note."""

from __future__ import annotations

import attrs
from codeconductor import setting


def _at_least_one(_instance: object, _attribute: object, value: int) -> None:
    if value < 1:
        raise ValueError(f"expected 1 or more, got {value!r}")


def _not_negative(_instance: object, _attribute: object, value: int) -> None:
    if value < 0:
        raise ValueError(f"expected 0 or more, got {value!r}")


@attrs.frozen(kw_only=True)
class ServeSettings:
    """`[serve]`; the address and the token are given on the command line alone."""

    parallel: int = setting(16, help="requests that are answered at once", validator=_at_least_one)
    queue: int = setting(
        512, help="requests that may wait beside these; one more is refused with 429", validator=_not_negative
    )
    note: bool = setting(False, help="end each reply of the team with a line on its confidence and dissent")
    hosts: tuple[str, ...] = setting(
        (), help="further host names under which the server may be asked, such as a proxy's", needs_trust=True
    )
    origins: tuple[str, ...] = setting(
        (), help="origins of web pages that may ask, such as 'https://chat.example'", needs_trust=True
    )
