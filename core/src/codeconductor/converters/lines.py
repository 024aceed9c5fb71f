"""Checks one line of the user's own JSON lines against its class: nothing is coerced, unknown keys are left alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from codeconductor.converters.tables import expected, own_files

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def structure_line(data: object, cls: type[T]) -> T:
    """The object of one line as its attrs class.

    Raises:
        ValueError: It is no object, lacks a key, or a value is of another type; the message names the key.
    """
    if not isinstance(data, dict):
        raise ValueError("expected a JSON object")
    try:
        return own_files().structure(data, cls)
    except Exception as exc:
        raise ValueError(_fault(data, cls) or str(exc)) from exc


def _fault(data: Mapping[str, Any], cls: type) -> str | None:
    """What is wrong with the first field that is not as it should be; None: each is, taken alone."""
    attrs.resolve_types(cls)
    for field in attrs.fields(cls):
        if field.name not in data:
            if field.default is attrs.NOTHING:
                return f"{field.name!r} is missing"
            continue
        try:
            own_files().structure(data[field.name], field.type)
        except Exception:  # noqa: BLE001 - whatever it does not take
            shown = repr(data[field.name])
            return f"{field.name!r}: expected {expected(field.type)}, got {shown[:60]}{'…' if shown[60:] else ''}"
    return None
