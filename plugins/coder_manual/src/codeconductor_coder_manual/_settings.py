"""The settings of the coder `manual`."""

from __future__ import annotations

from typing import Literal

import attrs
from codeconductor import setting

TABLE = "coder_manual"


@attrs.frozen(kw_only=True)
class ManualSettings:
    """`[coder_manual]`."""

    hand_over: Literal["clipboard", "file", "cursor"] = setting("clipboard", help="where the prompt goes")
