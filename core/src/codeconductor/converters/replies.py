"""Structures what servers send: unknown keys are ignored, and what cannot be read costs as little as it may."""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

if TYPE_CHECKING:
    from collections.abc import Callable

    from cattrs import Converter

T = TypeVar("T")

_LARGEST = 2**63
"""No count of a server's is as large; what does is refused, as nothing can be done with it further on."""

_WORDS = {"true": True, "false": False}


@cache
def _replies() -> Converter:
    """Lenient: what can be read as the field's type is, what is optional and cannot be read counts as missing."""
    import attrs
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn

    def object_hook(cls: Any) -> Callable[[object, Any], object]:
        read = make_dict_structure_fn(cls, converter)

        def structured(value: object, kind: Any) -> object:
            if not isinstance(value, Mapping):  # a text has no fields, and would be one that lacks them all
                raise ValueError(f"expected an object, got {type(value).__name__}")
            return read(value, kind)

        return structured

    converter = Converter()
    converter.register_structure_hook_factory(attrs.has, object_hook)
    converter.register_structure_hook(str, _text)
    converter.register_structure_hook(int, _count)
    converter.register_structure_hook(bool, _truth)
    converter.register_structure_hook_func(_is_optional, lambda value, kind: _optional(converter, value, kind))
    converter.register_structure_hook_func(_is_list, lambda value, kind: _entries(converter, value, kind))
    return converter


def _text(value: object, _kind: type) -> str:
    """A number in place of a text is one; None is no text, and least of all "None"."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"invalid value for type, expected str, got {type(value).__name__}")
    return str(value)


def _count(value: Any, _kind: type) -> int:
    number = int(value)
    if abs(number) >= _LARGEST:
        raise ValueError("invalid value for type, expected a number of at most 64 bits")
    return number


def _truth(value: object, _kind: type) -> bool:
    """`"false"` is not true."""
    return _WORDS[value.strip().lower()] if isinstance(value, str) else bool(value)


def _is_optional(kind: Any) -> bool:
    return get_origin(kind) in {Union, types.UnionType} and type(None) in get_args(kind) and len(get_args(kind)) == 2


def _optional(converter: Converter, value: object, kind: Any) -> object:
    inner = next(choice for choice in get_args(kind) if choice is not type(None))
    if value is None:
        return None
    try:
        return converter.structure(value, inner)
    except Exception:  # noqa: BLE001 - whatever it is, the field is not there; the rest of the reply is
        return None


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple and get_args(kind)[1:] == (...,)


def _entries(converter: Converter, value: object, kind: Any) -> tuple[object, ...]:
    """An entry that has not the form of the others costs only itself; where none has the form, it is another list.

    Go writes null for a list that was never made.
    """
    if value is None:
        return ()
    if not isinstance(value, list):
        raise ValueError(f"invalid value for type, expected a list, got {type(value).__name__}")
    read = []
    fault: Exception | None = None
    for entry in value:
        try:
            read.append(converter.structure(entry, get_args(kind)[0]))
        except Exception as exc:  # noqa: BLE001 - as above
            fault = exc
    if fault is not None and not read:
        raise fault
    return tuple(read)


def from_reply(data: object, cls: type[T]) -> T:
    """Structure a server's reply.

    Unknown keys are ignored. What is optional and cannot be read counts as missing, an entry of a list that cannot be
    read is left out, and null in place of a list is an empty one.

    Raises:
        ValueError: The data is no object, or what must be there is missing or cannot be read; the message says where.
    """
    from cattrs import transform_error

    if not isinstance(data, Mapping):
        raise ValueError(f"expected an object, got {type(data).__name__}")
    try:
        return _replies().structure(data, cls)
    except Exception as exc:
        raise ValueError("; ".join(transform_error(exc)[:3])) from exc
