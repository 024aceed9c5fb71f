"""Value classes behave as those of attrs itself."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import attrs
import pytest
from codeconductor import frozen


@frozen(kw_only=True)
class Ours:
    a: int
    b: str = attrs.field(default="x", eq=False)
    c: object = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class Theirs:
    a: int
    b: str = attrs.field(default="x", eq=False)
    c: object = attrs.field(default=None, repr=False)


@frozen
class Single:
    a: Any


@frozen
class Empty:
    pass


@frozen
class Special:
    name: str = attrs.field(eq=str.lower, repr=len)  # type: ignore[arg-type]  # what it gives is formatted as any value
    kept: int = attrs.field(default=0, hash=False)


@frozen
class Heir(Single):
    b: int = 0


@frozen(eq=False, repr=False)
class Individual:
    a: int


@frozen
class Own:
    a: int

    def __eq__(self, other: object) -> bool:
        return True

    def __repr__(self) -> str:
        return "mine"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": 2}),
        ({"a": 1, "b": "x"}, {"a": 1, "b": "y"}),
        ({"a": 1, "c": [1]}, {"a": 1, "c": [2]}),
        ({"a": 1}, {"a": 1.0}),
    ],
)
def test_equality_and_hash_are_those_of_attrs(left: dict[str, Any], right: dict[str, Any]) -> None:
    assert (Ours(**left) == Ours(**right)) == (Theirs(**left) == Theirs(**right))
    assert (Ours(**left) != Ours(**right)) == (Theirs(**left) != Theirs(**right))
    if "c" not in left:
        assert (hash(Ours(**left)) == hash(Ours(**right))) == (hash(Theirs(**left)) == hash(Theirs(**right)))


def test_values_of_other_classes_are_never_equal() -> None:
    """A class and what inherits from it are two."""
    assert Ours(a=1) != Theirs(a=1)  # type: ignore[comparison-overlap]
    assert Single(1) != Heir(1)
    assert Single(1) != 1  # type: ignore[comparison-overlap]
    assert Empty() == Empty()
    assert hash(Empty()) == hash(Empty())


def test_what_cannot_be_hashed_is_refused_as_ever() -> None:
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        hash(Single([]))


def test_a_value_is_shown_as_by_attrs() -> None:
    """A value that holds itself, too."""
    held: list[Any] = []
    held.append(Single(held))
    assert repr(Ours(a=1, c=2)) == repr(Theirs(a=1, c=2)).replace("Theirs", "Ours") == "Ours(a=1, b='x')"
    assert repr(Heir(1, 2)) == "Heir(a=1, b=2)"
    assert repr(held[0]) == "Single(a=[...])"

    @frozen
    class Local:
        a: int

    assert repr(Local(1)) == "Local(a=1)"


def test_a_field_may_say_how_it_is_compared_and_shown() -> None:
    assert Special("A") == Special("a") != Special("b")
    assert hash(Special("A", 1)) == hash(Special("a", 2))
    assert repr(Special("abc")) == "Special(name=3, kept=0)"


def test_a_class_may_have_its_own() -> None:
    assert Own(1) == Own(2)
    assert repr(Own(1)) == "mine"


def test_without_equality_each_value_is_itself() -> None:
    one = Individual(1)
    assert one != Individual(1)
    assert one == one
    assert len({one, Individual(1)}) == 2
    assert "object at" in repr(one)


def test_it_is_a_class_of_attrs() -> None:
    """Frozen, without slots unless asked for; copied and sent to another process as ever."""
    value = Ours(a=1, b="y")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        value.a = 2  # type: ignore[misc]
    assert vars(value) == {"a": 1, "b": "y", "c": None}
    assert not hasattr(frozen(slots=True)(type("Slotted", (), {"__annotations__": {}}))(), "__dict__")
    assert attrs.evolve(value, a=2) == Ours(a=2, b="y")
    assert pickle.loads(pickle.dumps(value)) == copy.copy(value) == value
