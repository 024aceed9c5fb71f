"""Which answer `medoid` takes, and what it tells of the choice."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import CodeBlock, ToolCall
from codeconductor.testing import a_bench, a_task, an_answer
from codeconductor_consensus_similarity._medoid import REFERENCES, Medoid, expected_likeness
from codeconductor_consensus_similarity._readings import Reading
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer, Consensus

LOOP = "def total(values):\n    found = 0\n    for value in values:\n        found += value\n    return found"
RENAMED = LOOP.replace("found", "result").replace("values", "numbers").replace("value", "number")
ALMOST = LOOP.replace("found = 0", "found = 1")
OTHER = "import functools\n\ndef total(values):\n    return functools.reduce(lambda a, b: a + b, values, 0)"


def decide(answers: Sequence[Answer], weights: dict[str, float] | None = None, **task: Any) -> Consensus:
    return asyncio.run(Medoid().decide(a_task(**task), answers, a_bench(answers, weights=weights)))


def python(*sources: str) -> list[Answer]:
    return [an_answer(f"```python\n{source}\n```", model=f"model-{'abcdef'[n]}") for n, source in enumerate(sources)]


def test_the_program_most_like_the_others_is_taken() -> None:
    """Two that differ in a number are more like each other than either is like a third."""
    consensus = decide(python(OTHER, LOOP, ALMOST))
    assert consensus.choice is not None
    assert consensus.choice.model.name in ("model-b", "model-c")
    assert consensus.outcome["code"] == consensus.choice.code


def test_names_comments_and_docstrings_do_not_make_programs_different() -> None:
    """The same tree is the same program: their likeness is one."""
    told = RENAMED.replace("\n    result = 0", '\n    """Add them."""\n    result = 0  # nothing yet')
    consensus = decide(python(LOOP, told))
    assert consensus.signals["likeness"] == 1
    assert consensus.agreement == 1
    assert "2 of 2 answers (2 model families) wrote the same program" in consensus.explanation


def test_built_in_names_constants_and_attributes_count() -> None:
    """They are what the program does."""
    for one, other in (("max(x)", "min(x)"), ("x + 1", "x + 2"), ("x.upper()", "x.lower()"), ("x + y", "x - y")):
        consensus = decide(python(f"def f(x, y):\n    return {one}", f"def f(x, y):\n    return {other}"))
        assert consensus.signals["likeness"] < 1, (one, other)


def test_agreement_is_a_share_of_votes_and_likeness_a_signal_of_its_own() -> None:
    """Programs that are nearly the same are not behind each other's outcome."""
    consensus = decide(python(LOOP, ALMOST, OTHER))
    assert consensus.agreement == pytest.approx(1 / 3)
    assert 0 < consensus.signals["likeness"] < 1
    assert consensus.signals["groups"] == 3


def test_a_family_has_one_vote_and_no_answer_counts_for_itself() -> None:
    """Two siblings that write the same do not outvote the two families that write something else."""
    answers = [
        an_answer(f"```python\n{source}\n```", model=model)
        for model, source in (("qwen3:8b", OTHER), ("qwen3:14b", OTHER), ("gemma3:4b", LOOP), ("phi4", ALMOST))
    ]
    consensus = decide(answers)
    assert consensus.choice in answers[2:]
    alone = decide([*answers[:2], *(an_answer(a.text, model=f"qwen3:{n}b") for n, a in enumerate(answers[2:]))])
    assert alone.choice is not None
    assert alone.choice.text == answers[0].text


def test_weights_count() -> None:
    """A vote of a heavier model draws the medoid to what it wrote."""
    answers = python(LOOP, ALMOST, OTHER, OTHER.replace("0)", "1)"))
    heavy = decide(answers, {"acme/model-d": 9.0})
    assert heavy.choice is answers[2]
    assert decide(answers, {"acme/model-a": 9.0}).choice is answers[1]


def test_between_equals_the_heavier_model_decides_then_the_text() -> None:
    """And never the order of arrival."""
    answers = python(LOOP, OTHER)
    assert decide(answers).choice is answers[0]
    assert decide(answers, {"acme/model-b": 2.0}).choice is answers[1]


def test_other_languages_are_compared_by_their_tokens() -> None:
    """Of a language that nobody parses here, too."""
    texts = ["fn f(a: i32) -> i32 { a + 1 }", "fn f(a: i32) -> i32 { a + 2 }", "fn f(x: i64) -> i64 { return x * 7; }"]
    answers = [an_answer(f"```rust\n{text}\n```", model=f"m{n}") for n, text in enumerate(texts)]
    consensus = decide(answers, language="rust")
    assert consensus.choice in answers[:2]
    assert "of their texts on average" in consensus.explanation


def test_the_rest_of_a_function_without_fences_is_code() -> None:
    """As completions give it."""
    body = "    found = 0\n    for value in values:\n        found += value\n    return found\n"
    answers = [
        an_answer(body, model="one", code=()),
        an_answer(body.replace("found", "n"), model="two", code=()),
        an_answer("I cannot do that.", model="three"),
    ]
    consensus = decide(answers)
    assert consensus.choice is answers[0]
    assert consensus.outcome == {"code": (CodeBlock(language="python", text=body),)}
    assert "1 without code did not count" in consensus.explanation
    assert consensus.signals["failed"] == pytest.approx(1 / 3)


def test_a_program_that_does_not_parse_is_compared_by_its_tokens() -> None:
    """It can still be the odd one out."""
    answers = python(LOOP, ALMOST, "def total(:")
    assert decide(answers).choice in answers[:2]


def test_a_program_too_deep_for_the_interpreter_is_compared_by_its_tokens() -> None:
    """It costs nobody else anything."""
    deep = "x = " + "+".join(["1"] * 3000)
    assert decide(python(LOOP, ALMOST, deep)).choice is not None


def test_short_answers_and_prose_are_compared_as_texts() -> None:
    """The value in an answer's JSON is the answer."""
    answers = [an_answer('{"answer": "4"}', model="one"), an_answer("5", model="two"), an_answer("4", model="three")]
    consensus = decide(answers, kind="question", language=None)
    assert consensus.outcome in ({"answer": "4"}, {"text": "4"})
    assert consensus.agreement == pytest.approx(2 / 3)
    words = [an_answer(text, model=f"m{n}") for n, text in enumerate(["Use a queue.", "Use a fast queue.", "No idea"])]
    assert decide(words, kind="question", language=None).choice in words[:2]


def test_calls_are_compared_by_name_and_arguments() -> None:
    """What is said around them is not."""
    names = ["find", "find", "send"]
    answers = [
        an_answer("", model=f"m{n}", tool_calls=[ToolCall(name=it, arguments="{}")]) for n, it in enumerate(names)
    ]
    consensus = decide(answers, kind="call", language=None)
    assert consensus.outcome == {"calls": [{"name": "find", "arguments": {}}]}


def test_one_answer_is_its_own_medoid() -> None:
    """With nobody to compare it with."""
    consensus = decide(python(LOOP))
    assert consensus.signals["likeness"] == consensus.agreement == 1
    assert "only usable answer" in consensus.explanation


def test_many_texts_are_compared_with_the_best_supported_ones_alone() -> None:
    """So that the work grows with the number of texts and not with its square."""
    compared: list[str] = []

    class Parts(dict[Any, int]):
        def values(self) -> Any:
            compared.append("")
            return super().values()

    readings = {n: Reading(text=str(n), pairs=Parts({n: 1, 0: 1}), tree=None, is_program=False) for n in range(200)}
    rated = expected_likeness(readings, dict.fromkeys(readings, 1.0))
    assert len(rated) == 200
    assert len(compared) <= 2 * 200 * REFERENCES


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)
@given(st.lists(st.sampled_from([LOOP, RENAMED, ALMOST, OTHER, "def total(:"]), min_size=1, max_size=6), st.randoms())
def test_likeness_is_a_share_and_the_order_of_arrival_changes_nothing(sources: list[str], chance: Any) -> None:
    """Whatever is compared."""
    answers = python(*sources)
    consensus = decide(answers)
    assert 0 <= consensus.signals["likeness"] <= 1
    shuffled = list(answers)
    chance.shuffle(shuffled)
    assert decide(shuffled) == consensus
