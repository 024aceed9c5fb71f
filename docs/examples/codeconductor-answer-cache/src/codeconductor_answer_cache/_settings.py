"""The plugin's own settings table."""

from __future__ import annotations

import attrs
from codeconductor import setting


def _positive(_instance: object, _attribute: object, value: float) -> None:
    if not value > 0:
        raise ValueError(f"expected a number of seconds above 0, got {value!r}")


@attrs.frozen(kw_only=True)
class AnswerCacheSettings:
    """`[answer_cache]`: whether and for how long answers are repeated."""

    enabled: bool = setting(True, help="whether answers are kept and repeated")
    max_age: float = setting(7 * 86_400.0, help="seconds after which an answer is asked anew", validator=_positive)
