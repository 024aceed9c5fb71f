"""Says what a value is, as text that two programs give alike exactly when their values are alike.

The form is described in `codeconductor.sandbox.values`. It goes by a value's exact type and calls none of its methods
where the type is Python's own, so that an object that lies about itself can say nothing for another.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import itertools
import json
import types
from collections.abc import Callable, Iterable
from typing import Any

MOST_ITEMS = 10_000
"""Items that are taken from an iterator."""

DEEPEST = 100
"""Levels of values inside of values."""

_LARGEST_NUMBER = 2**53
"""Beyond it JSON readers differ."""

_LONGEST_DECIMAL = 14_282
"""Bits of 4,300 digits: CPython prints no more of them."""

_text = json.encoder.encode_basestring_ascii
_object_type = object

_Encode = Callable[["Encoder", Any], str]


class UnreadableError(Exception):
    """A value that cannot be told as text: too large, too deep, or one that fails when it is looked at."""


class Encoder:
    """Encodes one value, within a number of characters.

    Args:
        most: Characters that the text may have.
        drain: Whether iterators are consumed; the arguments of a call are looked at before it, and must be left whole.
    """

    def __init__(self, most: int, *, drain: bool = True) -> None:
        self._left = most
        self._drain = drain
        self._path: list[int] = []

    def encode(self, value: object) -> str:
        """The value's canonical form.

        Raises:
            UnreadableError: It has none within the limits.
            Exception: Whatever an iterator raised while it was consumed.
        """
        kind = type(value)
        if value is None or kind is bool:
            return self._spend("null" if value is None else "true" if value else "false")
        if kind is int:
            return self._spend(self._integer(value))  # type: ignore[arg-type]
        if kind is str:
            if len(value) > self._left:  # type: ignore[arg-type]
                raise UnreadableError("too long")
            return self._spend(_text(value))  # type: ignore[arg-type]
        if kind is float:
            return self._spend(f'["float","{value!r}"]')
        return self._nested(value, kind)

    def _spend(self, text: str) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise UnreadableError("too long")
        return text

    def _integer(self, value: int) -> str:
        if -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER:
            return int.__repr__(value)
        if int.bit_length(value) > 4 * self._left + 8:
            raise UnreadableError("too long")
        form = "d" if int.bit_length(value) < _LONGEST_DECIMAL else "#x"
        return f'["int","{int.__format__(value, form)}"]'

    def _nested(self, value: object, kind: type) -> str:
        name = id(value)
        if name in self._path or len(self._path) >= DEEPEST:
            return self.tagged("…")
        self._path.append(name)
        try:
            encode = _EXACT.get(kind)
            return encode(self, value) if encode is not None else self._other(value, kind)
        finally:
            self._path.pop()

    def tagged(self, tag: str, *parts: str) -> str:
        """An array whose first element says what the others are; they are encoded already."""
        self._spend(f'[{tag}""]' + "," * len(parts))
        return f"[{','.join((_text(tag), *parts))}]"

    def items(self, values: Iterable[object]) -> str:
        """The values in their order."""
        listed = list(values)
        if all(type(value) is int and -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER for value in listed):
            return self._spend(f"[{','.join(map(str, listed))}]")
        return f"[{','.join([self.encode(value) for value in listed])}]"

    def sorted_items(self, values: Iterable[object]) -> str:
        """The values sorted by their encoded text."""
        return f"[{','.join(sorted([self.encode(value) for value in values]))}]"

    def pairs(self, items: Iterable[tuple[object, object]]) -> str:
        """Keys and values, sorted by the keys' encoded text."""
        return f"[{','.join(sorted([f'[{self.encode(key)},{self.encode(value)}]' for key, value in items]))}]"

    def iterator(self, values: Iterable[object]) -> str:
        """What an iterator still gives, up to `MOST_ITEMS`."""
        if not self._drain:
            return self.tagged("iterable")
        return self.tagged("iterable", f"[{','.join([self.encode(v) for v in itertools.islice(values, MOST_ITEMS)])}]")

    def object(self, name: str, value: object, *pairs: tuple[str, str]) -> str:
        """The class's name and the public attributes, beside pairs whose values are encoded already."""
        attributes = [*pairs, *((n, self.encode(held)) for n, held in _attributes(value).items() if n[:1] != "_")]
        text = ",".join(sorted(f"[{_text(name)},{held}]" for name, held in attributes))
        return self.tagged("object", _text(name), f"[{text}]")

    def _other(self, value: Any, kind: type) -> str:
        name = _name(kind)
        mro = type.__getattribute__(kind, "__mro__")
        if enum.Enum in mro:
            return self.tagged("enum", _text(f"{name}.{_attributes(value).get('_name_')}"))
        if tuple in mro and type(_dict(kind).get("_fields")) is tuple:
            return self.tagged("tuple", self.items(tuple.__iter__(value)))
        if BaseException in mro:
            return self.object(name, value, ("args", self.encode(BaseException.__dict__["args"].__get__(value))))
        if type in mro:
            return self.object("type", None, ("__name__", _text(_name(value))))
        for base, alike in _BASES:
            if base in mro:
                return self.object(name, value, ("", alike(self, value)))
        if any("__next__" in _dict(base) for base in mro):
            return self.iterator(value)
        return self.object(name, value)


def _name(kind: type) -> str:
    return str(type.__getattribute__(kind, "__name__"))


def _dict(kind: type) -> types.MappingProxyType[str, Any]:
    """What a class itself defines, whatever its metaclass says."""
    return type.__getattribute__(kind, "__dict__")  # type: ignore[no-any-return]


def _attributes(value: object) -> dict[str, Any]:
    """What is stored in an object, without calling a property or a `__getattr__` of it."""
    kind = type(value)
    found: dict[str, Any] = {}
    for base in type.__getattribute__(kind, "__mro__"):
        for name, held in _dict(base).items():
            if type(held) is types.MemberDescriptorType and type(name) is str:
                try:
                    found[name] = types.MemberDescriptorType.__get__(held, value)
                except AttributeError:
                    continue
    try:
        stored = _object_type.__getattribute__(value, "__dict__")
    except AttributeError:
        return found
    if type(stored) is dict:
        found.update({name: held for name, held in dict.items(stored) if type(name) is str})
    return found


def _named(tag: str) -> _Encode:
    """Encodes what its class and its text tell."""
    return lambda encoder, value: encoder.tagged(tag, encoder.encode(str(value)))


def _function(encoder: Encoder, value: Any) -> str:
    return encoder.object("function", None, ("__name__", _text(str(value.__name__))))


_EXACT: dict[type, _Encode] = {
    list: lambda e, v: e.tagged("list", e.items(v)),
    tuple: lambda e, v: e.tagged("tuple", e.items(v)),
    collections.deque: lambda e, v: e.tagged("deque", e.items(v)),
    set: lambda e, v: e.tagged("set", e.sorted_items(v)),
    frozenset: lambda e, v: e.tagged("frozenset", e.sorted_items(v)),
    dict: lambda e, v: e.tagged("dict", e.pairs(v.items())),
    types.MappingProxyType: lambda e, v: e.tagged("dict", e.pairs(v.items())),
    collections.OrderedDict: lambda e, v: e.tagged("dict", e.pairs(dict.items(v))),
    collections.defaultdict: lambda e, v: e.tagged("dict", e.pairs(dict.items(v))),
    collections.Counter: lambda e, v: e.tagged("dict", e.pairs(dict.items(v))),
    type({}.keys()): lambda e, v: e.iterator(list(v)),
    type({}.values()): lambda e, v: e.iterator(list(v)),
    type({}.items()): lambda e, v: e.iterator(list(v)),
    bytes: lambda e, v: e.tagged("bytes", e.encode(v.hex())),
    bytearray: lambda e, v: e.tagged("bytes", e.encode(v.hex())),
    memoryview: lambda e, v: e.tagged("bytes", e.encode(v.tobytes().hex())),
    array.array: lambda e, v: e.object("array", None, ("", e.tagged("list", e.items(v)))),
    complex: lambda e, v: e.tagged("complex", e.items([v.real, v.imag])),
    decimal.Decimal: _named("Decimal"),
    fractions.Fraction: _named("Fraction"),
    range: _named("range"),
    datetime.datetime: _named("datetime"),
    datetime.date: _named("date"),
    datetime.time: _named("time"),
    datetime.timedelta: _named("timedelta"),
    types.FunctionType: _function,
    types.BuiltinFunctionType: _function,
    types.MethodType: _function,
    types.ModuleType: lambda e, v: e.object("module", None, ("__name__", e.encode(_attributes(v).get("__name__")))),
    type: lambda e, v: e.object("type", None, ("__name__", _text(_name(v)))),
    object: lambda e, _: e.object("object", None),
}

_BASES: tuple[tuple[type, _Encode], ...] = (
    (int, lambda e, v: e.encode(int.__index__(v))),
    (float, lambda e, v: e.encode(float.__add__(v, 0.0))),
    (str, lambda e, v: e.encode(str.__str__(v))),
    (bytes, lambda e, v: e.encode(bytes.__getitem__(v, slice(None)))),
    (list, lambda e, v: e.tagged("list", e.items(list.__iter__(v)))),
    (tuple, lambda e, v: e.tagged("tuple", e.items(tuple.__iter__(v)))),
    (set, lambda e, v: e.tagged("set", e.sorted_items(set.__iter__(v)))),
    (frozenset, lambda e, v: e.tagged("frozenset", e.sorted_items(frozenset.__iter__(v)))),
    (dict, lambda e, v: e.tagged("dict", e.pairs(dict.items(v)))),
    (collections.deque, lambda e, v: e.tagged("deque", e.items(collections.deque.__iter__(v)))),
)
"""A subclass is an object whose attribute ``""`` is what its base holds, read by the base's own methods."""
