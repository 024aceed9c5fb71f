"""Comparing what programs returned or printed."""

from __future__ import annotations

import pytest
from codeconductor_consensus_execution._values import same_print, same_value


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('["float","0.30000000000000004"]', '["float","0.3"]'),
        ('["float","nan"]', '["float","nan"]'),
        ('["float","-0.0"]', '["float","0.0"]'),
        ('["float","2.0"]', "2"),
        ('["float","1e+300"]', '["float","1.0000000000001e+300"]'),
        ('["list",[1,["float","1.0"]]]', '["list",[1,["float","1.0000000001"]]]'),
        ('["set",[1,2]]', '["frozenset",[1,2]]'),
        ('["dict",[["a",["float","1.0"]]]]', '["dict",[["a",1]]]'),
        ('["object","Point",[["x",["float","0.1"]]]]', '["object","Point",[["x",["float","0.1000000000001"]]]]'),
        ('["complex",["0.1","nan"]]', '["complex",["0.1000000000001","nan"]]'),
    ],
)
def test_results_are_the_same(one: str, other: str) -> None:
    """Floats within tolerance, NaN as itself, whole floats as integers, sets of both kinds."""
    assert same_value(one, other)
    assert same_value(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("true", "1"),
        ("1", '"1"'),
        ("null", "false"),
        ('["list",[1]]', '["tuple",[1]]'),
        ('["list",[1]]', '["list",[1,1]]'),
        ('["list",[1,2]]', '["list",[2,1]]'),
        ('["float","inf"]', '["float","-inf"]'),
        ('["float","nan"]', '["float","0.0"]'),
        ("9007199254740993", "9007199254740992"),
        ('["int","90071992547409930"]', '["int","90071992547409931"]'),
        ('["bytes","00"]', '"00"'),
        ('["object","A",[["x",1]]]', '["object","A",[["y",1]]]'),
        ('["iterable",[1]]', '["list",[1]]'),
        ('["…"]', '["list",[]]'),
        ("not json", "[]"),
        ('["Decimal","1.0"]', '["Fraction","1.0"]'),
    ],
)
def test_results_differ(one: str, other: str) -> None:
    """Types count, integers are exact, and what cannot be read is only itself."""
    assert not same_value(one, other)
    assert not same_value(other, one)


def test_a_lenient_comparison_is_that_of_python_and_of_judges() -> None:
    """A whole truth is 1, and a tuple or what is iterated over is its list."""
    assert same_value("true", "1", "lenient")
    assert same_value('["tuple",[1,["float","2.0"]]]', '["list",[1,2]]', "lenient")
    assert not same_value("true", '"1"', "lenient")
    assert not same_value('["set",[1]]', '["list",[1]]', "lenient")


def test_a_tolerance_can_be_given() -> None:
    """As an example's author states it."""
    assert same_value('["float","1.41"]', '["float","1.414"]', "lenient", 1e-2)
    assert not same_value('["float","1.41"]', '["float","1.414"]', "lenient")


def test_a_deep_value_is_no_fault() -> None:
    """Nests deeper than what is compared differ."""
    deep = '["list",[' * 100 + "1" + "]]" * 100
    assert not same_value(deep, deep.replace("1", "2"))
    assert not same_value("[" * 10_000, "]")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1 2\n3\n", "1 2 \n3", True),
        ("Yes\n", "Yes\n\n\n", True),
        ("0.1\n", "0.10000000001\n", True),
        ("1.0", "1", True),
        ("1", "2", False),
        ("Yes", "yes", False),
        ("1\n2", "1 2", False),
        ("1", "01", False),
        ("12345678901234567890", "12345678901234567891", False),
        ("1\r\n2", "1\n2", True),
    ],
)
def test_outputs_are_compared_by_lines_and_numbers(one: str, other: str, same: bool) -> None:
    """Blanks at the end of lines do not count; a number with a point is compared by value."""
    assert same_print(one, other) is same
