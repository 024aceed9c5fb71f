"""Making inputs: from a signature, from examples, from what the task says."""

from __future__ import annotations

import ast

import pytest
from codeconductor_consensus_execution._constraints import constraints_of
from codeconductor_consensus_execution._inputs import arguments_of, make_inputs
from codeconductor_consensus_execution._stdin import make_texts
from codeconductor_consensus_execution._target import Parameter
from hypothesis import given
from hypothesis import strategies as st

LIST_AND_NUMBER = (Parameter(name="numbers", annotation="List[int]"), Parameter(name="k", annotation="int"))


def values(source: str) -> list[object]:
    """The arguments of a source."""
    return ast.literal_eval(f"[{source}]") if source else []


def test_the_same_seed_makes_the_same_inputs() -> None:
    """And another seed makes others."""
    first, second, other = (make_inputs("", LIST_AND_NUMBER, ["[1, 2], 3"], seed=seed, count=20) for seed in (7, 7, 8))
    assert first == second
    assert first != other
    assert len(set(first)) == 20


@given(st.integers(0, 2**31), st.lists(st.tuples(st.lists(st.integers(), max_size=5), st.integers()), max_size=3))
def test_inputs_have_the_type_of_the_examples(seed: int, examples: list[tuple[list[int], int]]) -> None:
    """Whatever the seed, they are values, different from each other and from the examples."""
    sources = [f"{numbers!r}, {k!r}" for numbers, k in examples]
    made = make_inputs("", LIST_AND_NUMBER, sources, seed=seed, count=12)
    assert not set(made) & set(sources)
    for source in made:
        numbers, k = values(source)
        assert isinstance(numbers, list)
        assert all(isinstance(number, int) for number in numbers)
        assert isinstance(k, int)


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        ("str", str), ("bool", bool), ("float", float), ("Optional[int]", int), ("int | None", int), ("'int'", int),
        ("Dict[str, List[int]]", dict), ("Set[int]", set), ("Tuple[int, str]", tuple), ("list[list[str]]", list),
        ("typing.List[float]", list),
    ],
)  # fmt: skip
def test_a_type_hint_says_what_is_made(annotation: str, kind: type) -> None:
    """Where there is no example."""
    made = make_inputs("", [Parameter(name="x", annotation=annotation)], [], seed=1, count=10)
    assert made
    for source in made:
        (value,) = values(source) if kind is not set else [eval(source)]
        assert isinstance(value, kind)


@pytest.mark.parametrize(
    ("name", "kind"), [("text", str), ("nums", list), ("n", int), ("is_open", bool), ("whatever", int)]
)
def test_a_name_says_what_is_made(name: str, kind: type) -> None:
    """Where there is neither a hint nor an example."""
    for source in make_inputs("", [Parameter(name=name)], [], seed=1, count=5):
        assert isinstance(values(source)[0], kind)


def test_inputs_stay_within_what_the_task_says() -> None:
    """Lengths and ranges, in the spelling of contests."""
    text = "Constraints:\n\n2 <= numbers.length <= 10^5\n1 <= numbers[i] <= 10^9\n1 <= k <= numbers.length"
    for source in make_inputs(text, LIST_AND_NUMBER, ["[5, 6, 7], 2"], seed=3, count=40):
        numbers, k = values(source)
        assert isinstance(numbers, list)
        assert len(numbers) >= 2
        assert all(number >= 1 for number in numbers)
        assert isinstance(k, int)
        assert k >= 1


def test_rows_of_a_table_keep_their_length() -> None:
    """Where all examples have rows of one length."""
    parameters = [Parameter(name="edges", annotation="List[List[int]]")]
    for source in make_inputs("", parameters, ["[[0, 1], [1, 2]]"], seed=5, count=30):
        (edges,) = values(source)
        assert isinstance(edges, list)
        assert {len(edge) for edge in edges} <= {2}


def test_an_optional_argument_is_left_out() -> None:
    """Unless an example gives it."""
    parameters = [Parameter(name="a", annotation="int"), Parameter(name="b", annotation="int", optional=True)]
    assert all(len(values(source)) == 1 for source in make_inputs("", parameters, [], seed=1, count=5))
    assert any(len(values(source)) == 2 for source in make_inputs("", parameters, ["1, 2"], seed=1, count=5))


def test_without_parameters_nothing_is_made() -> None:
    """There is but one way to call it."""
    assert make_inputs("", [], [], seed=1, count=5) == ()


def test_arguments_are_read_by_place_and_by_name() -> None:
    """What is no literal, or of another function, is none."""
    assert arguments_of("[1], k=2", LIST_AND_NUMBER) == {"numbers": [1], "k": 2}
    assert arguments_of("range(3), 1", LIST_AND_NUMBER) is None
    assert arguments_of("1, 2, 3", LIST_AND_NUMBER) is None
    assert arguments_of("1, z=3", LIST_AND_NUMBER) is None
    assert arguments_of("1)(2", LIST_AND_NUMBER) is None


@pytest.mark.parametrize(
    ("text", "subject", "expected"),
    [
        ("1 <= n <= 10^5", "n", (1, 100_000)),
        ("1\\leq N, M \\leq 2\\times 10^5", "m", (1, 200_000)),
        ("-9 <= nums[i] <= 9", "nums[]", (-9, 9)),
        ("0 ≤ A_i < 2^10", "a[]", (0, 1023)),
        ("1 <= |s| <= 50", "s.length", (1, 50)),
        ("1 <= s.length, t.length <= 50", "t.length", (1, 50)),
        ("1 <= grid[i][j] <= 4", "grid[][]", (1, 4)),
        ("2 \\leq A_{i,j} \\leq 3", "a[][]", (2, 3)),
        ("1 <= n <= 1,000", "n", (1, 1000)),
    ],
)
def test_constraints_are_read(text: str, subject: str, expected: tuple[int, int]) -> None:
    """In the notations of contests."""
    assert constraints_of(text).of(subject) == expected


def test_a_text_on_standard_input_keeps_its_counts() -> None:
    """What counts lines or words in every example stays."""
    examples = ["3\n10 20 30\n", "2\n5 6\n"]
    made = make_texts("", examples, seed=1, count=20)
    assert len(made) == 20
    assert made == make_texts("", examples, seed=1, count=20)
    for text in made:
        count, *rest = text.split()
        assert int(count) == len(rest)


def test_without_an_example_no_text_is_made_up() -> None:
    """Nothing says what it would look like."""
    assert make_texts("1 <= N <= 10", [], seed=1, count=5) == ()
    assert make_texts("", ["\n"], seed=1, count=5) == ()
