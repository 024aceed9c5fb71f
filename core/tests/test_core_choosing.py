"""What strategies share: votes of families, how much alike texts are, equal answers, and a consensus on one answer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import (
    Consensus,
    ToolCall,
    TrackRecord,
    answer_shape,
    consensus_on,
    family_votes,
    likeness,
    parse_python,
    program_shape,
    token_pairs,
)
from codeconductor.testing import a_bench, a_task, an_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer
    from codeconductor.testing import MakeSession

SIBLINGS = [an_answer(model="qwen3:8b"), an_answer(model="qwen3:14b"), an_answer(model="gemma3:12b")]


def test_a_family_divides_its_vote_among_its_answers() -> None:
    """Siblings err alike, so that asking both says little more than asking one."""
    assert family_votes(SIBLINGS) == {0: 0.5, 1: 0.5, 2: 1.0}


def test_one_family_alone_has_a_vote_for_every_answer() -> None:
    """There is nobody else to listen to."""
    assert family_votes(SIBLINGS, [0, 1]) == {0: 1.0, 1: 1.0}


def test_weights_multiply_the_votes_and_are_never_negative() -> None:
    """A model without a weight has the weight 1."""
    votes = family_votes(SIBLINGS, weights={"acme/qwen3:8b": 0.5, "acme/gemma3:12b": -1.0})
    assert votes == {0: 0.25, 1: 0.5, 2: 0.0}


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [("4", "4", 1.0), ("4", "5", 0.0), ("", "", 1.0), ("a b c", "a  b\nc", 1.0), ("a b", "a c", 1 / 5)],
)
def test_likeness_is_the_share_of_neighbouring_tokens_that_both_have(one: str, other: str, share: float) -> None:
    """One word alone is something too; blanks between words are nothing."""
    assert likeness(token_pairs(one), token_pairs(other)) == pytest.approx(share)
    assert likeness(token_pairs(other), token_pairs(one)) == pytest.approx(share)


def test_what_occurs_twice_counts_twice() -> None:
    """So that a program that does everything twice is not the same."""
    assert likeness(Counter("aab"), Counter("ab")) == pytest.approx(2 / 3)


CODE = "```python\ndef add(a, b):\n    return a + b\n```"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (CODE, CODE.replace("return", "# the sum\n    return"), True),
        (CODE, CODE.replace("a + b", "b + a"), False),
        ("```rust\nfn a() {}\n```", "```rust\nfn a()  {}\n```", True),
        ('{"answer": 4}', 'As I said:\n```json\n{"answer": 4}\n```', True),
        ("It is 4.", "It  is\n4.", True),
        ("It is 4.", "It is 5.", False),
    ],
)
def test_answers_with_the_same_shape_say_the_same(one: str, other: str, same: bool) -> None:
    """Layout and comments set aside; a value in JSON is the value."""
    assert (answer_shape(an_answer(one), "python") == answer_shape(an_answer(other), "python")) is same


def test_calls_are_equal_by_name_and_arguments() -> None:
    """What is said around them does not count."""
    call = ToolCall(name="f", arguments='{"x": 1}')
    one, other = an_answer("I call f.", tool_calls=[call]), an_answer("f it is", tool_calls=[call])
    assert answer_shape(one, None) == answer_shape(other, None)


def test_arguments_of_calls_are_equal_by_their_values() -> None:
    """The order of names, blanks and the point of a whole number do not count; what is no JSON is its own text."""

    def shape(arguments: str) -> str:
        return answer_shape(an_answer("", tool_calls=[ToolCall(name="f", arguments=arguments)]), None)

    assert shape('{"city": "Rome", "days": 3}') == shape('{"days":3.0,"city":"Rome"}')
    assert shape('{"days": 3}') != shape('{"days": 3.5}')
    assert shape('{"days": "3"}') != shape('{"days": 3}')
    assert shape("[1e999]") != shape("[1]")
    assert shape("no  json") == shape("no json")


def test_a_program_that_does_not_parse_is_its_own_text() -> None:
    """Nothing is said of what it does."""
    assert parse_python("def f(:") is None
    assert program_shape("def f(:") == "def f(:"


@pytest.mark.parametrize("terms", [800, 5_000])
def test_a_program_nested_deeper_than_the_interpreter_goes_is_its_own_text(terms: int) -> None:
    """Some versions of Python read one that none can walk through."""
    deep = f"x = {'+'.join(['1'] * terms)}\n"
    assert program_shape(deep) == deep


def decided(answers: Sequence[Answer], groups: Sequence[Sequence[int]], choice: int, **more: Any) -> Consensus:
    return consensus_on(answers, groups, choice, a_bench(answers), explanation="for the test", **more)


def test_agreement_is_the_share_of_family_votes_that_say_the_same() -> None:
    """Half of a family's vote, of two families."""
    consensus = decided(SIBLINGS, [[0], [1, 2]], 0)
    assert consensus.agreement == 0.25
    assert consensus.choice is SIBLINGS[0]
    assert consensus.signals["margin"] == -0.5
    assert consensus.signals["families"] == 2
    assert "rate" not in consensus.signals


def test_answers_in_no_group_could_not_be_counted() -> None:
    """They are in the total all the same."""
    consensus = decided(SIBLINGS, [[0, 1]], 0)
    assert consensus.agreement == consensus.signals["failed"] == 0.5


def test_a_track_record_tells_the_rate_of_the_best_backer() -> None:
    """For a calibration."""
    record = TrackRecord(tasks=9, rates={"acme/qwen3:8b": 0.7, "acme/qwen3:14b": 0.9, "acme/gemma3:12b": 0.8})
    bench = a_bench(SIBLINGS, record=record)
    consensus = consensus_on(SIBLINGS, [[0, 2], [1]], 0, bench, explanation="")
    assert consensus.signals["rate"] == 0.8
    assert 0.5 < consensus.signals["posterior"] < 1


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (an_answer("plain words"), {"text": "plain words"}),
        (an_answer('{"answer": "four"}'), {"answer": "four"}),
        (an_answer("", tool_calls=[ToolCall(name="f", arguments="[1]")]), {"calls": [{"name": "f", "arguments": [1]}]}),
        (an_answer("", tool_calls=[ToolCall(name="f", arguments="x")]), {"calls": [{"name": "f", "arguments": "x"}]}),
    ],
    ids=["text", "value", "call", "broken-call"],
)
def test_the_outcome_is_what_the_answer_holds(answer: Answer, outcome: dict[str, Any]) -> None:
    """Its plan or value, its calls, else its text."""
    assert decided([answer], [[0]], 0).outcome == outcome


def test_code_is_a_field_with_its_backers() -> None:
    """And part of the outcome."""
    answers = [an_answer(CODE, model="one"), an_answer(CODE, model="two")]
    consensus = decided(answers, [[0, 1]], 1)
    assert consensus.outcome == {"code": answers[1].code}
    (field,) = consensus.fields
    assert (field.name, field.support, field.models) == ("code", 1.0, ("acme/one", "acme/two"))


def test_what_answers_a_question_is_no_plan_beside_code(make_session: MakeSession) -> None:
    """A strategy for code that is asked for by name decides a question alone."""
    import asyncio

    from codeconductor import decide, hookimpl

    class First:
        name = "first"
        decides = "code"

        async def decide(self, task: Any, answers: Any, bench: Any) -> Consensus:
            return Consensus(outcome={"answer": "mine"}, agreement=1.0, choice=answers[0])

    class Other:
        name = "other"

        async def decide(self, task: Any, answers: Any, bench: Any) -> Consensus:
            return Consensus(outcome={"answer": "another"}, agreement=1.0, choice=answers[0])

    class Plugin:
        @hookimpl
        def conductor_consensus_strategies(self) -> list[Any]:
            return [First(), Other()]

    answers = [an_answer('{"answer": "mine"}')]
    session = make_session(acme=Plugin())
    made = asyncio.run(decide(session, a_task(kind="question"), answers, a_bench(answers), strategy="first"))
    assert made.outcome == {"answer": "mine"}
