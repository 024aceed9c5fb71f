"""The canonical form of values: alike exactly where the values are alike."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import itertools
import json
import math
import string
from typing import Any

import pytest
from codeconductor.sandbox.inside.encode import DEEPEST, MOST_ITEMS, Encoder, UnreadableError
from hypothesis import given
from hypothesis import strategies as st


def told(value: object, most: int = 65536) -> str:
    return Encoder(most).encode(value)


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntEnum):
    HIGH = 1


Point = collections.namedtuple("Point", "x y")


@dataclasses.dataclass
class Part:
    name: str
    _hidden: int = 0


class Slotted:
    __slots__ = ("left", "right")

    def __init__(self, left: object) -> None:
        self.left = left


class Words(list[object]):
    def __iter__(self) -> Any:
        raise AssertionError("a subclass's own methods are not called")


class Node:
    def __init__(self, value: object, after: Node | None = None) -> None:
        self.value, self.next = value, after


FORMS = [
    (None, "null"),
    (True, "true"),
    (1, "1"),
    (1.0, '["float","1.0"]'),
    ("1", '"1"'),
    ([1], '["list",[1]]'),
    ((1,), '["tuple",[1]]'),
    ({1}, '["set",[1]]'),
    (frozenset({1}), '["frozenset",[1]]'),
    ({10, 9}, '["set",[10,9]]'),
    ({"b": 1, "a": [2]}, '["dict",[["a",["list",[2]]],["b",1]]]'),
    (collections.OrderedDict(b=1, a=2), '["dict",[["a",2],["b",1]]]'),
    (collections.Counter("aab"), '["dict",[["a",2],["b",1]]]'),
    (collections.defaultdict(int, a=1), '["dict",[["a",1]]]'),
    (collections.deque([1, 2]), '["deque",[1,2]]'),
    (-0.0, '["float","-0.0"]'),
    (math.nan, '["float","nan"]'),
    (-math.inf, '["float","-inf"]'),
    (2**53, "9007199254740992"),
    (2**53 + 1, '["int","9007199254740993"]'),
    (-(2**64), '["int","-18446744073709551616"]'),
    (b"\x00\xff", '["bytes","00ff"]'),
    (bytearray(b"a"), '["bytes","61"]'),
    (1j, '["complex",[["float","0.0"],["float","1.0"]]]'),
    (decimal.Decimal("1.50"), '["Decimal","1.50"]'),
    (fractions.Fraction(2, 4), '["Fraction","1/2"]'),
    (range(0, 6, 2), '["range","range(0, 6, 2)"]'),
    (datetime.date(2020, 1, 2), '["date","2020-01-02"]'),
    (datetime.timedelta(1), '["timedelta","1 day, 0:00:00"]'),
    (Colour.RED, '["enum","Colour.RED"]'),
    (Level.HIGH, '["enum","Level.HIGH"]'),
    (Point(1, 2), '["tuple",[1,2]]'),
    (Part("a", 3), '["object","Part",[["name","a"]]]'),
    (Slotted(1), '["object","Slotted",[["left",1]]]'),
    (Words([1]), '["object","Words",[["",["list",[1]]]]]'),
    (Node(1, Node(2)), '["object","Node",[["next",["object","Node",[["next",null],["value",2]]]],["value",1]]]'),
    ((n for n in (1, 2)), '["iterable",[1,2]]'),
    (map(str, [1]), '["iterable",["1"]]'),
    ({1: 2}.items(), '["iterable",[["tuple",[1,2]]]]'),
    (ValueError("no"), '["object","ValueError",[["args",["tuple",["no"]]]]]'),
    (Part, '["object","type",[["__name__","Part"]]]'),
    (len, '["object","function",[["__name__","len"]]]'),
    ("\ud800\u2028é", '"\\ud800\\u2028\\u00e9"'),
]


@pytest.mark.parametrize(("value", "form"), FORMS, ids=lambda value: type(value).__name__)
def test_each_kind_of_value_has_its_form(value: object, form: str) -> None:
    assert told(value) == form
    json.loads(form)


def test_numbers_beyond_what_is_printed_in_digits_are_told_in_hexadecimal() -> None:
    assert told(10**4000) == f'["int","{10**4000}"]'
    assert told(10**5000) == f'["int","{10**5000:#x}"]'


def test_what_was_met_on_the_way_down_is_not_told_again() -> None:
    held: list[object] = [1]
    held.append(held)
    assert told(held) == '["list",[1,["\\u2026"]]]'
    shared = [1]
    assert told([shared, shared]) == '["list",[["list",[1]],["list",[1]]]]'


def test_what_lies_too_deep_is_left_out() -> None:
    value: object = 1
    for _ in range(3 * DEEPEST):
        value = [value]
    form = told(value)
    assert form.count("list") == DEEPEST
    assert '["\\u2026"]' in form
    json.loads(form)


def test_an_iterator_without_an_end_is_told_as_far_as_items_are_taken() -> None:
    taken = json.loads(told(itertools.repeat(0)))[1]
    assert len(taken) == MOST_ITEMS


def test_an_iterator_that_is_only_looked_at_is_left_whole() -> None:
    values = iter([1, 2])
    assert Encoder(100, drain=False).encode(values) == '["iterable"]'
    assert list(values) == [1, 2]


@pytest.mark.parametrize("value", ["x" * 200, list(range(200)), {"k": "x" * 200}, [[]] * 200, 2**4000, b"x" * 200])
def test_what_is_too_long_has_no_form(value: object) -> None:
    with pytest.raises(UnreadableError):
        told(value, 100)
    told(value, 10_000)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False).filter(lambda number: number != 0)
    | st.text(string.printable),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=4)
        | st.frozensets(st.integers(), max_size=4)
    ),
    max_leaves=12,
)


def kinds(value: object) -> object:
    """A value with the types of all that is in it, which Python's own equality passes over."""
    if isinstance(value, list | tuple):
        return (type(value), [kinds(item) for item in value])
    if isinstance(value, dict):
        return (type(value), {key: kinds(item) for key, item in value.items()})
    return (type(value), value)


@given(VALUES, VALUES)
def test_forms_are_equal_exactly_where_values_and_their_types_are(one: object, other: object) -> None:
    assert (told(one) == told(other)) == (kinds(one) == kinds(other))


@given(VALUES)
def test_a_form_is_json_in_ascii_on_one_line(value: object) -> None:
    form = told(value)
    json.loads(form)
    assert form.isascii()
    assert "\n" not in form
