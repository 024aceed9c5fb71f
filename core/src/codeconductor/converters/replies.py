"""Structures what servers send: unknown keys are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")


@cache
def _replies() -> Converter:
    """Lenient: unknown keys are ignored, and what can be read as the field's type is."""
    from cattrs import Converter

    return Converter()


def from_reply(data: object, cls: type[T]) -> T:
    """Structure a server's reply: unknown keys are ignored.

    Raises:
        ValueError: The data does not have the class's shape; the message says where.
    """
    from cattrs import transform_error

    if not isinstance(data, Mapping):
        raise ValueError(f"expected an object, got {type(data).__name__}")
    try:
        return _replies().structure(data, cls)
    except Exception as exc:
        raise ValueError("; ".join(transform_error(exc)[:3])) from exc
