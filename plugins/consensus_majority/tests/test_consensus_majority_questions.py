"""Questions, function calls and plain texts: what the answer is, and when two are the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import ToolCall
from codeconductor.testing import a_task, an_answer
from codeconductor_consensus_majority._calls import calls_of, key_of
from codeconductor_consensus_majority._strategies import Majority
from codeconductor_consensus_majority._values import Values, said_by
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Answer, Consensus

QUESTION: dict[str, Any] = {"text": "How many are there?", "kind": "question", "language": None}
CALL: dict[str, Any] = {"text": "Find the area.", "kind": "call", "language": None}
CHOICE = "Which city?\n(A) Berlin\n(B) Paris\n(C) Rome"


def answered(*texts: str) -> list[Answer]:
    return [an_answer(text, model=f"m{number}") for number, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"reasons": ["x"], "answer": "42"}', "42"),
        ('```json\n{"answer": 42}\n```', "42"),
        ('{"answer": [1, 2]}', "[1, 2]"),
        ("It is long. The answer is 42. ", "42"),
        ("So the final answer is **Paris**.", "Paris"),
        ("**Answer:** 42", "42"),
        ("Thus \\boxed{\\frac{1}{2}} holds", "\\frac{1}{2}"),
        ("First 2, then 3.\n#### 5", "5"),
        ("The answer is not clear. Answer: (B).", "B"),
        ('{"reasoning": "it says "no"", "answer": "7"}\n', "7"),
        ("Answer: foo\nHere the result is 7.", "foo"),
        ("The result is 7, so the answer is 8.", "8"),
        ("Option: B\nThe result is that Paris wins.", "B"),
        ("First 2, and then the result is 7.", "7"),
        ("Paris", "Paris"),
    ],
)
def test_the_answer_is_found_in_what_was_said(text: str, said: str) -> None:
    """In the field of its JSON object, in a box, behind "the answer is"; else it is all of the text."""
    assert said_by(an_answer(text)) == said


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", "1000.0"),
        ("$1,000", "1000"),
        ("1e3", "1000"),
        ("\\frac{1}{2}", "0.5"),
        ("-3", "−3"),
        ("three", "3"),
        ("5 %", "5\\%"),
        ("Paris", "paris."),
        ("**Paris**", "`Paris`"),
        ("\\boxed{12}", "$12$"),
        ("The answer is: Paris", "PARIS"),
        ("True", "true"),
        ("['a', 1.0]", '["a", 1]'),
        ("{'b': 1, 'a': 2}", '{"a": 2, "b": 1}'),
        ("x²", "x^2"),
        ("½", "0.5"),
        ("5 €", "€5.00"),
        ("Paris!", "paris"),
        ("**Paris**!", "Paris!!"),
    ],
)
def test_a_value_is_the_same_however_it_is_written(one: str, other: str) -> None:
    """Case, punctuation, Markdown, LaTeX, quotes and number forms do not count."""
    values = Values("", ())
    assert values.normal(one) == values.normal(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000", "1,001"),
        ("5", "5 %"),
        ("3", "-3"),
        ("(1, 2)", "[1, 2]"),
        ("a+b", "a-b"),
        ("1.5", "15"),
        ("0.1", ".01"),
        ("10⁵", "105"),
        ("x²", "x2"),
        ("2½", "21/2"),
        ("5!", "5"),
        ("n!", "n"),
        ("(n+1)!", "(n+1)"),
        ("5! ways", "5 ways"),
    ],
)
def test_different_values_stay_apart(one: str, other: str) -> None:
    """Values are compared exactly, never by how alike they look."""
    values = Values("", ())
    assert values.normal(one) != values.normal(other)


def test_case_counts_where_an_answer_is_in_quotes() -> None:
    """The question is then about the text itself."""
    values = Values("", ["'aB'", "ab"])
    assert values.normal("'aB'") != values.normal("'ab'")
    assert values.normal("'aB'") == values.normal('"aB"') == values.normal("aB")


def test_currencies_count_where_there_are_several() -> None:
    """Five dollars are not five euros; where nobody names another one, a bare number is meant in the same."""
    values = Values("", ["$5", "€5", "5"])
    assert len({values.normal(text) for text in ("$5", "€5", "£5", "5", "-$5")}) == 5
    assert values.normal("$5.0") == values.normal("5 $")
    assert Values("", ["$5", "5"]).normal("$5") == Values("", ["$5", "5"]).normal("5")


@pytest.mark.parametrize("text", ["B", "(B)", "b", "B) Paris", "B. Paris", "**B**", "Paris", "The answer is (B)"])
def test_an_option_is_known_by_its_letter_and_by_its_text(text: str) -> None:
    """However a model words its choice."""
    assert Values(CHOICE, ()).normal(text) == "b"


@pytest.mark.parametrize("text", ["A, B", "A and B", "(A), (B)", "A,B,C"])
def test_several_letters_are_not_the_first_of_them(text: str) -> None:
    """Whether or not somebody answered with that one alone."""
    assert Values(CHOICE, ["A"]).normal(text) != Values(CHOICE, ["A"]).normal("A")
    assert Values(CHOICE, ["A"]).normal("A, I think") == "a"


@pytest.mark.parametrize(
    "text",
    [
        'It says "answer": "a "b"' + " " * 50_000 + "c",
        "\\boxed{" * 10_000,
        '"answer": ' * 10_000,
        "the answer is " * 10_000,
    ],
    ids=["blanks", "boxes", "fields", "phrases"],
)
def test_an_answer_that_repeats_itself_takes_no_time_in_proportion_to_its_square(text: str) -> None:
    """Small models end in loops; this would take minutes."""
    assert said_by(an_answer(text)) is not None


def test_an_option_of_any_length_may_be_offered() -> None:
    """Python reads no number of more than 4,300 digits."""
    assert Values("Which?\nA. " + "1" * 5_000 + "\nB. 2", ()).normal("(A)") == "a"


def test_a_question_is_decided_by_its_values(decide: Callable[..., Consensus]) -> None:
    """The largest group wins, with the others as options."""
    consensus = decide(answered("The answer is 1,000.", '{"answer": "1000.0"}', "**7**"), **QUESTION)
    assert consensus.outcome["answer"] in ("1,000", "1000.0")
    assert consensus.agreement == pytest.approx(2 / 3)
    assert [option.models for option in consensus.disagreements[0].options] == [("acme/m0", "acme/m1"), ("acme/m2",)]
    assert consensus.explanation == "2 of 3 models gave the same answer."


def test_prose_is_put_together_by_what_it_means(decide: Callable[..., Consensus]) -> None:
    """Longer answers are compared by their words."""
    texts = [
        "Use a dictionary because lookups are fast",
        "Use a dict since lookups are fast.",
        "A list will do well here",
    ]
    assert decide(answered(*texts), **QUESTION).agreement == pytest.approx(2 / 3)


def test_a_value_goes_before_prose_that_has_as_many_votes(decide: Callable[..., Consensus]) -> None:
    """Somebody who does not answer does not win by chance."""
    consensus = decide(answered("I would have to think about that for a while", "12"), **QUESTION)
    assert consensus.outcome["answer"] == "12"


def test_all_answers_alike_leave_nothing_open(decide: Callable[..., Consensus]) -> None:
    """No disagreement, full agreement."""
    consensus = decide(answered("4", "four"), **QUESTION)
    assert (consensus.agreement, consensus.disagreements) == (1.0, ())


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "area", "arguments": {"base": 10, "unit": "cm"}}',
        '[{"name": "area", "parameters": {"unit": "CM", "base": 10.0}}]',
        '{"tool_calls": [{"function": {"name": "area", "arguments": "{\\"base\\": 10, \\"unit\\": \\"cm\\"}"}}]}',
        "<tool_call>\n{'arguments': {'base': 10, 'unit': 'cm'}, 'name': 'area'}\n</tool_call>",
        "[area(base=10, unit='cm')]",
        "```python\narea(base=10, unit='cm')  # the area\n```\nThis calls it.",
        "[\"area(base=10, unit='cm')\"]",
        'area\n{"base": 10, "unit": "cm"}',
    ],
)
def test_a_call_is_read_in_every_form(text: str) -> None:
    """JSON in several shapes, tags, Python's own syntax, a name over its arguments."""
    expected = an_answer("", tool_calls=(ToolCall(name="area", arguments='{"unit": "cm", "base": 10}'),))
    assert key_of(calls_of(an_answer(text), spoken=True)) == key_of(calls_of(expected, spoken=True))


def test_calls_are_compared_by_name_and_arguments(decide: Callable[..., Consensus]) -> None:
    """The order of arguments and number forms do not count; other arguments do."""
    consensus = decide(
        answered("[f(a=1, b=2)]", '{"name": "f", "arguments": {"b": 2.0, "a": 1}}', "[f(a=2, b=1)]"), **CALL
    )
    assert consensus.outcome["calls"] == [{"name": "f", "arguments": {"a": 1, "b": 2}}]
    assert consensus.agreement == pytest.approx(2 / 3)


@pytest.mark.parametrize("text", ["f(a=b" + ".b" * 900 + ")", "f" + ".b" * 900 + "(a=1)", "f(a=b" + "+b" * 900 + ")"])
def test_a_call_that_is_nested_too_deep_is_none(decide: Callable[..., Consensus], text: str) -> None:
    """It is text then, as any other."""
    assert calls_of(an_answer(text), spoken=True) == ()
    assert decide(answered(text), **CALL).choice is not None


@pytest.mark.parametrize(
    "arguments", ["a={1, 'x'}, b=b'x', c=1j, d=...", "a={(1, 2): 3, 4: 5}", "a=" + "[" * 80 + "]" * 80, "*a, **b"]
)
def test_arguments_are_what_json_can_hold(decide: Callable[..., Consensus], arguments: str) -> None:
    """Whatever Python's syntax knows beyond that."""
    calls = decide(answered(f"[f({arguments})]"), **CALL).outcome["calls"]
    assert json.loads(json.dumps(calls)) == calls


def test_tool_calls_of_a_coding_task_count_where_nobody_wrote_code(decide: Callable[..., Consensus]) -> None:
    """What the server reports as calls needs no task of that kind."""
    call = ToolCall(name="f", arguments="not json")
    consensus = decide([an_answer("", model=name, tool_calls=(call,)) for name in "ab"])
    assert consensus.outcome["calls"] == [{"name": "f", "arguments": {"": "not json"}}]


def test_plain_texts_give_the_most_central_one(decide: Callable[..., Consensus]) -> None:
    """Neither plan nor code: the text that most models come near to, as it was written."""
    texts = ["First read the file and then count its words.", "Read the file, count words.", "It is sunny in Rome."]
    consensus = decide(answered(*texts))
    assert consensus.outcome["text"] in texts[:2]
    assert consensus.choice is not None
    assert consensus.choice.text == consensus.outcome["text"]


@pytest.mark.parametrize(
    ("texts", "pending", "settled"),
    [
        (["C", "C", "C"], 2, True),
        (["C", "C", "C"], 3, False),
        (["C", "(C)", "D"], 0, True),
        (["C", "C", "D"], 1, False),
        (["C", "C", "C", "D"], 1, True),
        (["Use a dictionary for the lookups here"] * 5, 1, False),
    ],
)
def test_a_question_is_settled_when_nothing_can_change_it(texts: list[str], pending: int, settled: bool) -> None:
    """A value that has more votes than all others and all that may come together; prose never."""
    assert Majority().settled(a_task(**QUESTION), answered(*texts), pending) is settled


def test_a_coding_task_is_never_settled_early() -> None:
    """A plan that is still to come may add to what is agreed on."""
    answers = answered(*["```python\nx = 1\n```"] * 5)
    assert Majority().settled(a_task(), answers, 1) is False


ANSWERS = st.tuples(
    st.sampled_from("abc"),
    st.sampled_from(["A", "(B)", "b", "I do not know at all", "'B'", "A, B", "a b", "$5", "€5", "5"]),
)


@given(st.lists(ANSWERS, min_size=1, max_size=6), st.lists(ANSWERS, max_size=4))
def test_what_is_settled_stays(
    decide: Callable[..., Consensus], now: list[tuple[str, str]], later: list[tuple[str, str]]
) -> None:
    """Whatever comes, from models that have answered before and from others."""

    def answers(said: list[tuple[str, str]]) -> list[Answer]:
        return [an_answer(text, model=model, sample=sample) for sample, (model, text) in enumerate(said)]

    if not Majority().settled(a_task(**QUESTION), answers(now), len(later)):
        return
    first, last = decide(answers(now), **QUESTION), decide(answers(now + later), **QUESTION)
    values = Values("", [text for _, text in now + later])
    assert values.normal(first.outcome["answer"]) == values.normal(last.outcome["answer"])
