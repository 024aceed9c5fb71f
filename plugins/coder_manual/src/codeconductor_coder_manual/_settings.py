"""The settings of the coder `manual`."""

from __future__ import annotations

from typing import Literal

from codeconductor import frozen, setting

TABLE = "coder_manual"


@frozen(kw_only=True)
class ManualSettings:
    """`[coder_manual]`."""

    hand_over: Literal["clipboard", "file", "cursor"] = setting("clipboard", help="where the prompt goes")
