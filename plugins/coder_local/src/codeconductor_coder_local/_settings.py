"""The settings of the coder `local`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codeconductor import frozen, setting

if TYPE_CHECKING:
    import attrs

TABLE = "coder_local"


def _at_least_one(_instance: object, _attribute: attrs.Attribute[Any], value: int) -> None:
    if value < 1:
        raise ValueError(f"expected 1 or more, got {value!r}")


@frozen(kw_only=True)
class LocalSettings:
    """`[coder_local]`."""

    whole_file: int = setting(400, help="lines up to which a file is asked for as a whole", validator=_at_least_one)
    tokens: int = setting(6000, help="estimated tokens of the files that a model is shown", validator=_at_least_one)
