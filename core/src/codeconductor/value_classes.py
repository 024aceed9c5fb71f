"""The decorator of value classes: attrs' own, with one equality, one hash and one `repr` for all classes together.

attrs writes and compiles these three anew for each class, and for slots it makes each class twice. Both together are
more than half of what a class costs while it is imported: 11 % of the CPU time of a whole run.
"""

from __future__ import annotations

from functools import cache
from operator import attrgetter
from reprlib import recursive_repr
from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import frozen as frozen  # noqa: TID251 - to a type checker it is the same
else:

    def frozen(cls: type | None = None, **options: Any) -> Any:
        """A frozen class whose fields are its annotations: `attrs.frozen`, with all of its options; `slots` is off.

        Two values are equal if they are of the same class and equal in each field, except those with ``eq=False``.
        An ``__eq__`` or ``__repr__`` of the class itself is kept.

        Args:
            cls: What is decorated, where the decorator is written without arguments.
            options: Of `attrs.frozen`.
        """
        if cls is None:
            return lambda decorated: frozen(decorated, **options)
        own = cls.__dict__
        if "__eq__" not in own and "__hash__" not in own and options.keys().isdisjoint(_ABOUT_EQUALITY):
            cls.__eq__ = _equal
            cls.__hash__ = _hash
        if "__repr__" not in own and "repr" not in options:
            cls.__repr__ = _repr
        return attrs.frozen(cls, **{"slots": False, **options})  # noqa: TID251


_ABOUT_EQUALITY = ("eq", "order", "unsafe_hash", "hash", "cache_hash")


def _equal(self: Any, other: object) -> bool:
    compared = _compared(self.__class__)
    return compared(self) == compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_hashed(self.__class__)(self))


@recursive_repr()
def _repr(self: Any) -> str:
    shown = [field for field in attrs.fields(type(self)) if field.repr]
    words = [f"{field.name}={_words_of(field)(getattr(self, field.name))}" for field in shown]
    return f"{type(self).__qualname__.rpartition('>.')[2]}({', '.join(words)})"


def _words_of(field: Any) -> Callable[[Any], str]:
    return field.repr if callable(field.repr) else repr


@cache
def _compared(cls: Any) -> Callable[[Any], object]:
    return _values_of([field for field in attrs.fields(cls) if field.eq])


@cache
def _hashed(cls: Any) -> Callable[[Any], object]:
    return _values_of([field for field in attrs.fields(cls) if (field.eq if field.hash is None else field.hash)])


def _values_of(fields: list[Any]) -> Callable[[Any], object]:
    """What gives the values of some fields, each as its class wants it compared."""
    if len(fields) > 1 and not any(field.eq_key for field in fields):
        return attrgetter(*(field.name for field in fields))
    ways = [(field.name, field.eq_key or _as_it_is) for field in fields]
    return lambda value: tuple(way(getattr(value, name)) for name, way in ways)


def _as_it_is(value: Any) -> Any:
    return value
