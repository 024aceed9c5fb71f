"""The settings table of this plugin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from codeconductor import frozen, setting

if TYPE_CHECKING:
    import attrs


def _pace(_instance: object, _attribute: attrs.Attribute[Any], value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"expected 0 or more seconds, got {value!r}")


@frozen(kw_only=True)
class ReplaySettings:
    """`[providers.replay]`: recorded answers as models."""

    recording: str | None = setting(None, help="path of a recording; none: the one of this package", needs_trust=True)
    pace: float = setting(
        1.2, help="seconds that the slowest answer takes, the others in proportion; 0: all at once", validator=_pace
    )
