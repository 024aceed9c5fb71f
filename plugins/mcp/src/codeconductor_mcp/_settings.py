"""`[mcp]`: how many calls are worked on at once, and how many may wait."""

from __future__ import annotations

from codeconductor import frozen, setting


def _at_least_one(_instance: object, _attribute: object, value: int) -> None:
    if value < 1:
        raise ValueError(f"expected 1 or more, got {value!r}")


def _not_negative(_instance: object, _attribute: object, value: int) -> None:
    if value < 0:
        raise ValueError(f"expected 0 or more, got {value!r}")


@frozen(kw_only=True)
class McpSettings:
    """`[mcp]`; read when the server starts."""

    parallel: int = setting(8, help="calls of tools that are worked on at once", validator=_at_least_one)
    queue: int = setting(
        512, help="calls that may wait beside these; one more is an error of the tool", validator=_not_negative
    )
