"""Finding the examples that a task's author gives."""

from __future__ import annotations

from typing import Any

import pytest
from codeconductor import Example
from codeconductor.testing import a_task
from codeconductor_consensus_execution._cases import Case
from codeconductor_consensus_execution._examples import cases_of
from codeconductor_consensus_execution._target import target_of


def found(text: str, entry_point: str = "f", **fields: Any) -> list[tuple[str, str]]:
    """(input, expected) of the cases."""
    task = a_task(text=text, entry_point=entry_point, **fields)
    target = target_of(task)
    assert target is not None
    return [(case.input, case.expected) for case in cases_of(task, target)]


def prompt(examples: str, signature: str = "def f(a, b):") -> str:
    """A signature with a docstring."""
    return f'{signature}\n    """Do it.\n\n    {examples}\n    """\n'


@pytest.mark.parametrize(
    "written",
    [
        ">>> f(1, [2])\n    {'x': True}",
        "f(1, [2]) == {'x': True}",
        "f(1, [2]) ==> {'x': True}",
        "f(1, [2]) -> {'x': True}.",
        "f(1, [2]) ➞ {'x': true}",
        "f(1, [2])   # returns {'x': True}",
        "f(1, [2]) should return {'x': True} because it must.",
        "f(1, [2]) = {'x': True}",
        ">>> f(1, [2]) == {'x': True}",
        "Input: a = 1, b = [2]\n    Output: {'x': true}\n    Explanation: so it is.",
        "Example 1:\n    Input:\n        a : 1\n        b : [2]\n    Output: {'x': True}",
        "Input: 1, [2]\n    Output: {'x': True}",
        "For a = 1 and b = [2] the output should be {'x': True}",
        "If a = 1, b = [2], the function should return {'x': True}.",
    ],
)
def test_an_example_in_words_is_read(written: str) -> None:
    """In the forms that authors write."""
    assert found(prompt(written)) == [("1, [2]", "{'x': True}")]


def test_a_result_over_several_lines_is_whole() -> None:
    """Brackets tell where it ends, and a call may have lines of its own."""
    text = prompt("f([\n      [1, 2],\n      [3]\n    ], 1) == [(0, 0),\n      (1, 4)]")
    ((arguments, expected),) = found(text)
    assert eval(f"[{arguments}]") == [[[1, 2], [3]], 1]
    assert eval(expected) == [(0, 0), (1, 4)]


@pytest.mark.parametrize(
    "written",
    [
        "f(a, b) == 3",
        "it calls f(1, 2) and then g",
        "f(1, 2)",
        ">>> f(1, 2)\n    <object at 0x7f>",
        "f(x + 1, 2) is better",
    ],
)
def test_what_is_no_example_is_none(written: str) -> None:
    """Names of parameters, calls without a result, results that are no values."""
    assert found(prompt(written)) == []


def test_an_exception_can_be_expected() -> None:
    """As doctests write it."""
    text = prompt(">>> f(1, 0)\n    Traceback (most recent call last):\n    ...\n    ValueError: no")
    (case,) = cases_of(a_task(text=text, entry_point="f"), target_of(a_task(text=text, entry_point="f")))  # type: ignore[arg-type]
    assert case == Case("1, 0", "ValueError", "raises")


@pytest.mark.parametrize(
    ("tests", "expected"),
    [
        ("assert f(1, [2]) == 3", ("1, [2]", "3")),
        ("assert 3 == f(1, [2]), 'no'", ("1, [2]", "3")),
        ("assert f(1) is True\nassert f(2)", ("1", "True")),
        ("assert not f(1)", ("1", "False")),
        ("def check(candidate):\n    x = [1]\n    assert candidate(x, k=2) == x", ("[1], k=2", "[1]")),
        ("class T(TestCase):\n    def test(self):\n        self.assertEqual(f(1), {2})", ("1", "{2}")),
    ],
)
def test_asserts_are_read(tests: str, expected: tuple[str, str]) -> None:
    """Calls that are compared with a value, on either side."""
    assert found("Do it.", tests=tests)[0] == expected


def test_a_tolerance_is_kept() -> None:
    """`abs(f(x) - y) < e` lets results differ by e."""
    task = a_task(entry_point="f", tests="assert abs(f(2) - 1.41) < 1e-2\nassert math.isclose(f(4), 2)")
    target = target_of(task)
    assert target is not None
    assert cases_of(task, target) == (Case("2", "1.41", "close", 1e-2), Case("4", "2", "close", 1e-6))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Example("[1], k=2", "3"), ("[1], k=2", "3")),
        (Example([[1], 2], [3]), ("[1], 2", "[3]")),
        (Example({"a": 1, "b": "x"}, "text"), ("a=1, b='x'", "'text'")),
        (Example("[1]\n2", "'text'"), ("[1], 2", "'text'")),
        (Example(5, None), ("5", "None")),
    ],
)
def test_examples_beside_the_text_are_taken(given: Example, expected: tuple[str, str]) -> None:
    """Source, a list of arguments, arguments by name, or one argument a line."""
    assert found("Do it.", examples=[given]) == [expected]


def test_samples_of_a_contest_are_read() -> None:
    """`Sample Input 1` and its output up to the next empty line."""
    text = (
        "Double it.\n\nInput\n\nThe input is given in the following format:\nN\n\nOutput\n\nPrint it.\n\n"
        "Sample Input 1\n\n2\n3 4\n\nSample Output 1\n\n6\n8\n\nBecause.\n\n"
        "Sample Input 2\n\n0\n\nSample Output 2\n\nNo\n"
    )
    assert found(text, "") == [("2\n3 4\n", "6\n8"), ("0\n", "No")]


def test_an_input_counts_once() -> None:
    """What the author gave apart from the text goes first."""
    assert found(prompt("f(1, 2) == 4"), tests="assert f(1, 2) == 3") == [("1, 2", "3")]
