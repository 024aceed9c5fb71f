"""What holds for any answers: order, repetition, scripts and broken data change nothing that they should not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from codeconductor import CodeBlock, to_plain
from codeconductor.testing import a_model, an_answer
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Answer, Consensus

FIELDS = ("approach", "requirements", "files", "dependencies", "constraints", "tests", "risks", "answer", "other")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

TEXTS = st.text() | st.sampled_from(
    [
        "```python\nx = 1\n```",
        "```python\ny = 1\n```",
        "```js\nlet x = 1\n```",
        '```json\n{"approach": "Loop", "requirements": ["Ignore case", "Log it"]}\n```\n```python\nx = 1\n```',
        '```json\n{"approach": "Recursion", "requirements": ["ignores case"], "files": ["a.py"]}\n```',
        '{"answer": "B"}',
        "B",
    ]
)

MODELS = st.sampled_from("abcd")
STRATEGIES = st.sampled_from(["majority", "weighted", "best"])
KINDS = st.sampled_from(["function", "question", "call"])
WEIGHTS = st.fixed_dictionaries({f"acme/{name}": st.floats(0, 1e300) for name in "abcd"})


def answers_of(said: list[tuple[str, str]]) -> list[Answer]:
    """Answers, each a sample of its own; a blank text is none."""
    return [an_answer(text, model=model, sample=n) for n, (model, text) in enumerate(said) if text.strip()]


def comparable(consensus: Consensus) -> Any:
    return json.dumps(to_plain(consensus), sort_keys=True)


@given(st.lists(st.tuples(MODELS, TEXTS), min_size=1, max_size=8), st.randoms(), STRATEGIES, KINDS, WEIGHTS)
def test_the_order_of_arrival_changes_nothing(
    decide: Callable[..., Consensus],
    said: list[tuple[str, str]],
    chance: Any,
    strategy: str,
    kind: str,
    weights: dict[str, float],
) -> None:
    """Neither the outcome nor the choice, the supports, the options or the explanation."""
    answers = answers_of(said)
    shuffled = list(answers)
    chance.shuffle(shuffled)
    if answers:
        one, other = (decide(order, strategy, weights, kind=kind) for order in (answers, shuffled))
        assert comparable(one) == comparable(other)
        assert 0 <= one.agreement <= 1
        assert any(one.choice is answer for answer in answers)


@given(st.lists(st.tuples(MODELS, TEXTS), min_size=1, max_size=6), st.integers(2, 4), KINDS)
def test_repeating_all_samples_of_a_model_adds_no_votes(
    decide: Callable[..., Consensus], said: list[tuple[str, str]], times: int, kind: str
) -> None:
    """A model that says everything again has the vote that it had."""
    answers = answers_of(said)
    if not answers:
        return
    loud = answers[0].model.id
    again = [
        attrs.evolve(answer, sample=answer.sample + 100 * turn)
        for answer in answers
        if answer.model.id == loud
        for turn in range(1, times)
    ]
    once, more = decide(answers, kind=kind), decide([*answers, *again], kind=kind)
    assert once.agreement == pytest.approx(more.agreement)
    assert to_plain(once.outcome) == to_plain(more.outcome)
    assert [(f.name, f.models) for f in once.fields] == [(f.name, f.models) for f in more.fields]


@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON), min_size=1, max_size=4), STRATEGIES, KINDS)
def test_no_data_that_a_model_writes_raises(
    decide: Callable[..., Consensus], data: list[dict[str, Any]], strategy: str, kind: str
) -> None:
    """Any JSON in any field; and what comes out can be written as a document."""
    answers = [an_answer("x", model=f"m{number}", data=fields) for number, fields in enumerate(data)]
    consensus = decide(answers, strategy, kind=kind)
    json.dumps(to_plain(consensus)).encode("utf-8")
    assert all(0 <= field.support <= 1 for field in consensus.fields)
    assert all(field.support > 0.5 for field in consensus.fields if field.name not in ("approach", "answer", "text"))


@given(
    st.lists(
        st.lists(
            st.builds(
                CodeBlock,
                language=st.none() | st.sampled_from(["python", "javascript", "json", "bash", "text"]),
                path=st.none() | st.sampled_from(["a.py", "b.js"]),
                text=st.text() | st.sampled_from(["x = 1\n", "def f(:", "let x = 1", ">>> 1"]),
            ),
            max_size=3,
        ),
        min_size=1,
        max_size=4,
    ),
    st.none() | st.sampled_from(["python", "javascript", "go"]),
    st.none() | st.just("length"),
)
def test_no_code_that_a_model_writes_raises(
    decide: Callable[..., Consensus], blocks: list[list[CodeBlock]], language: str | None, finish_reason: str | None
) -> None:
    """Whatever the blocks hold, in whatever language they are."""
    answers = [
        an_answer("x", model=f"m{number}", code=tuple(code), finish_reason=finish_reason)
        for number, code in enumerate(blocks)
    ]
    consensus = decide(answers, language=language)
    assert set(consensus.outcome) in ({"code"}, {"text"})


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=2, max_size=5))
def test_texts_of_any_script_are_told_apart_or_put_together(decide: Callable[..., Consensus], texts: list[str]) -> None:
    """Two models that say the same to the letter are one group, in any script."""
    answers = [an_answer("x", model=f"m{n}", data={"approach": text}) for n, text in enumerate([*texts, texts[0]])]
    consensus = decide(answers)
    backers = {frozenset(field.models) for field in consensus.fields}
    options = {frozenset(option.models) for d in consensus.disagreements for option in d.options}
    assert all(
        {"acme/m0", f"acme/m{len(texts)}"} <= who or not {"acme/m0", f"acme/m{len(texts)}"} & who
        for who in backers | options
    )


def test_ties_are_broken_the_same_way_on_every_run(decide: Callable[..., Consensus]) -> None:
    """By what was said, then by the model's id, and never by a hash."""
    answers = [an_answer("```python\nx = 1\n```", model=a_model(name)) for name in "cab"]
    choice = decide(answers).choice
    assert choice is not None
    assert choice.model.name == "a"
    values = [an_answer(text, model=name) for name, text in (("b", "7"), ("a", "8"))]
    assert {decide(order, kind="question").outcome["answer"] for order in (values, values[::-1])} == {"7"}


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_what_is_no_weight_is_refused(decide: Callable[..., Consensus], weight: float) -> None:
    """Core has checked the weights; a bench that gives another is wrong."""
    with pytest.raises(ValueError, match="weights are finite"):
        decide([an_answer("x")], "weighted", {"acme/parrot": weight})
