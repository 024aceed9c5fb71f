"""Code: identical programs are one, the largest group wins, and what does not parse loses."""

from __future__ import annotations

import sys
from itertools import permutations
from typing import TYPE_CHECKING

import pytest
from codeconductor.testing import an_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Answer, Consensus

ADD = "```python\ndef add(a, b):\n    return a + b\n```"
ADD_ANNOTATED = (
    '```python\ndef add(a: int, b: int) -> int:\n    """Add."""\n    return (a +\n            b)  # the sum\n```'
)
SUBTRACT = "```python\ndef add(a, b):\n    return a - -b\n```"
BROKEN = "```python\ndef add(a, b:\n    return a + b\n```"


def chosen(consensus: Consensus) -> Answer:
    """The answer that was taken."""
    assert consensus.choice is not None
    return consensus.choice


def test_the_program_that_most_models_wrote_is_taken(decide: Callable[..., Consensus]) -> None:
    """Comments, layout, docstrings and annotations do not count; the code is that of one recorded answer."""
    answers = [an_answer(SUBTRACT, model="a"), an_answer(ADD, model="b"), an_answer(ADD_ANNOTATED, model="c")]
    consensus = decide(answers)
    assert consensus.agreement == pytest.approx(2 / 3)
    assert consensus.choice in answers[1:]
    assert consensus.outcome["code"] == consensus.choice.code
    assert consensus.fields[-1].models == ("acme/b", "acme/c")
    assert consensus.explanation == "2 of 3 models wrote the same program."


def test_a_single_usable_answer_is_called_that(decide: Callable[..., Consensus]) -> None:
    """Whether others answered too late, or were not waited for, a strategy does not know."""
    consensus = decide([an_answer(ADD, model="a")])
    assert consensus.explanation == "The only usable answer is that of acme/a."


def test_identical_programs_are_not_compared(decide: Callable[..., Consensus], monkeypatch: pytest.MonkeyPatch) -> None:
    """What compares texts costs more to import than all the rest of a decision."""
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    assert decide([an_answer(ADD, model="a"), an_answer(ADD, model="b")]).agreement == 1


def test_many_samples_of_a_model_are_one_vote(decide: Callable[..., Consensus]) -> None:
    """A model that says the same five times does not outvote two others."""
    loud = [an_answer(SUBTRACT, model="loud", sample=sample) for sample in range(5)]
    consensus = decide([*loud, an_answer(ADD, model="x"), an_answer(ADD, model="y")])
    assert chosen(consensus).model.name in ("x", "y")
    assert consensus.agreement == pytest.approx(2 / 3)


def test_the_samples_of_a_single_model_vote(decide: Callable[..., Consensus]) -> None:
    """With one model, the support is a share of its samples."""
    answers = [
        an_answer(text, sample=sample) for sample, text in enumerate([ADD, ADD_ANNOTATED, SUBTRACT, ADD, BROKEN])
    ]
    consensus = decide(answers)
    assert consensus.agreement == pytest.approx(3 / 5)
    assert consensus.explanation.startswith("3 of 5 samples of acme/parrot wrote the same program.")


def test_what_does_not_parse_loses_to_what_does(decide: Callable[..., Consensus]) -> None:
    """Two models with the same broken program lose to one whose program parses."""
    consensus = decide([an_answer(BROKEN, model="a"), an_answer(BROKEN, model="b"), an_answer(ADD, model="c")])
    assert chosen(consensus).model.name == "c"
    assert consensus.agreement == pytest.approx(1 / 3)
    assert "2 of 3 programs do not parse" in consensus.explanation


def test_a_broken_program_is_better_than_none(decide: Callable[..., Consensus]) -> None:
    """Where nothing parses, the votes are counted all the same."""
    consensus = decide([an_answer(BROKEN, model="a"), an_answer("No idea.", model="b")])
    assert chosen(consensus).model.name == "a"
    assert consensus.agreement == 0.5


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_a_program_that_was_cut_loses(decide: Callable[..., Consensus], language: str) -> None:
    """An answer that ended at its limit, in the middle of its code, may parse and is not whole."""
    whole = {"python": "def f(x):\n    return x\n", "javascript": "function f(x) { return x; }\n"}[language]
    cut = {"python": "def f(x):\n    y = x\n", "javascript": "function f(x) {\n  const y = x;\n"}[language]
    answers = [
        an_answer(f"```{language}\n{cut}", model="a", finish_reason="length"),
        an_answer(f"```{language}\n{cut}", model="b", finish_reason="length"),
        an_answer(f"```{language}\n{whole}```", model="c"),
    ]
    assert chosen(decide(answers, language=language)).model.name == "c"


def test_between_equals_the_most_central_text_decides_in_any_order(decide: Callable[..., Consensus]) -> None:
    """Three different programs: the one most like the others is taken, whatever came first."""
    texts = [
        "```python\ndef f(xs):\n    return sorted(xs)[0]\n```",
        "```python\ndef f(xs):\n    return sorted(xs)[-1]\n```",
        "```python\nimport heapq\nprint(heapq.nsmallest(1, [3, 2, 1]))\n```",
    ]
    answers = [an_answer(text, model=name) for name, text in zip("abc", texts, strict=True)]
    decisions = [decide(order) for order in permutations(answers)]
    assert {chosen(decision).model.name for decision in decisions} <= {"a", "b"}
    assert len({chosen(decision).model.name for decision in decisions}) == 1
    assert all(decision.agreement == pytest.approx(1 / 3) for decision in decisions)
    assert "most like all the others" in decisions[0].explanation


def test_all_files_of_an_answer_count_together(decide: Callable[..., Consensus]) -> None:
    """Two answers with the same first file and another second one are two programs."""
    first = "```python a.py\nX = 1\n```\n"
    answers = [
        an_answer(first + "```python b.py\nY = 2\n```", model="a"),
        an_answer(first + "```python b.py\nY = 3\n```", model="b"),
        an_answer("```python b.py\nY = 3\n```\n" + first, model="c"),
    ]
    consensus = decide(answers)
    assert consensus.agreement == pytest.approx(2 / 3)
    assert {block.path for block in consensus.outcome["code"]} == {"a.py", "b.py"}


def test_commands_and_sessions_are_no_part_of_the_program(decide: Callable[..., Consensus]) -> None:
    """A line for the shell and an interactive session beside the code change nothing."""
    chatty = f"```bash\npip install nothing\n```\n{ADD}\n```python\n>>> add(1, 2)\n3\n```"
    consensus = decide([an_answer(chatty, model="a"), an_answer(ADD, model="b")])
    assert consensus.agreement == 1
    assert len(consensus.outcome["code"]) == 1


CALCULATOR = "```python\nclass Calculator:\n    def add(self, a, b):\n        return a + b\n```"
EXAMPLES = [
    "print(add(1, 2))",
    "from adding import add\n\nresult = add(1, 2)\nprint(f'Sum: {result}')",
    "if __name__ == '__main__':\n    for a, b in [(1, 2), (3, 4)]:\n        print(a, b, add(a, b))",
    "assert add(1, 2) == 3\nadd(1, 2)  # 3",
    "print('\\d', add(1, 2))",
    "try:\n    add(1, 'a')\nexcept TypeError as error:\n    print(error)",
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_its_use_is_no_part_of_the_program(decide: Callable[..., Consensus], example: str) -> None:
    """A chatty model's program is the same as a terse one's."""
    chatty = f"{ADD}\nUse it like this:\n```python\n{example}\n```"
    consensus = decide([an_answer(chatty, model="a"), an_answer(ADD, model="b")])
    assert consensus.agreement == 1
    assert len(consensus.outcome["code"]) == 1


def test_an_example_may_make_an_object(decide: Callable[..., Consensus]) -> None:
    """And call its methods."""
    chatty = CALCULATOR + "\n```python\ncalc = Calculator()\ncalc.add(1, 2)\nprint(calc.add(2, 3))\n```"
    assert decide([an_answer(chatty, model="a"), an_answer(CALCULATOR, model="b")]).agreement == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("def f(x):\n    return x\n", "def g(x):\n    return f(x)\n"),
        ("def main():\n    print(1)\n", "main()"),
        ("def f(x):\n    return x\n", "print(f(int(input())))"),
        ("def f(x):\n    return x * FACTOR\n", "FACTOR = 2\nprint(f(1))"),
        ("def f(x):\n    return x\n", "f = cached(f)\nprint(f(1))"),
        ("class A: ...\n", "A.name = 'a'\nprint(A.name)"),
        ("def f(): ...\n", "app.register(f)"),
        ("def f(): ...\n", "(lambda: f())()"),
        ("def f(): ...\n", "while True:\n    f(1)"),
        ("X = 1", "print(X)"),
    ],
)
def test_a_block_that_does_more_is_a_part_of_the_program(
    decide: Callable[..., Consensus], first: str, second: str
) -> None:
    """It defines or starts something, or sets what the block before it needs."""
    one, both = f"```python\n{first}\n```\n", f"```python\n{first}\n```\n```python\n{second}\n```\n"
    consensus = decide([an_answer(both, model="a"), an_answer(both, model="b"), an_answer(one, model="c")])
    assert consensus.agreement == pytest.approx(2 / 3)
    assert len(consensus.outcome["code"]) == 2


@pytest.mark.parametrize("task", [{"style": "stdin"}, {"entry_point": ""}, {"kind": "test"}])
def test_a_call_is_no_example_where_a_whole_program_is_wanted(
    decide: Callable[..., Consensus], task: dict[str, str]
) -> None:
    """It is what the program does; and asserts are what tests do."""
    whole = f"{ADD}\n```python\nprint(add(1, 2))\nassert add(1, 2) == 3\n```"
    assert len(decide([an_answer(whole, model="a")], **task).outcome["code"]) == 2


def test_an_indented_block_after_a_whole_one_begins_anew(decide: Callable[..., Consensus]) -> None:
    """Unless it is the rest of a class."""
    halves = "```python\nx = 1\n```\n```python\n    def f():\n        return x\n```"
    method = CALCULATOR + "\n```python\n    def f(self):\n        return 1\n```"
    for text, source in (
        (halves, "```python\nx = 1\ndef f():\n    return x\n```"),
        (method, CALCULATOR.removesuffix("```") + "\n    def f(self):\n        return 1\n```"),
    ):
        consensus = decide([an_answer(text, model="a"), an_answer(source, model="b")])
        assert consensus.agreement == 1
        assert "parse" not in consensus.explanation


def test_the_choice_is_nearest_to_the_agreed_plan(decide: Callable[..., Consensus]) -> None:
    """Between answers with the same program, the one whose plan most models share is taken."""
    plan = '```json\n{{"approach": "{}", "requirements": ["{}"]}}\n```\n'
    answers = [
        an_answer(plan.format("Multiply by one", "Accept complex numbers") + ADD, model="a"),
        an_answer(plan.format("Add with the operator", "Add two numbers") + ADD, model="b"),
        an_answer(plan.format("Add with the operator", "Add two numbers") + SUBTRACT, model="c"),
    ]
    consensus = decide(answers)
    assert chosen(consensus).model.name == "b"
    assert consensus.outcome["approach"] == "Add with the operator"
    assert consensus.agreement == pytest.approx(2 / 3)


def test_an_answer_without_code_counts_against_the_agreement(decide: Callable[..., Consensus]) -> None:
    """One program among three answers is backed by a third of the votes, not by all."""
    answers = [an_answer(ADD, model="a"), an_answer("I cannot.", model="b"), an_answer("Nor can I.", model="c")]
    assert decide(answers).agreement == pytest.approx(1 / 3)


def test_weights_multiply_votes(decide: Callable[..., Consensus]) -> None:
    """One model that weighs three beats two that weigh one; its samples share what it weighs."""
    answers = [
        an_answer(SUBTRACT, model="a"),
        an_answer(SUBTRACT, model="a", sample=1),
        an_answer(ADD, model="b"),
        an_answer(ADD, model="c"),
    ]
    consensus = decide(answers, "weighted", {"acme/a": 3.0})
    assert chosen(consensus).model.name == "a"
    assert consensus.agreement == pytest.approx(3 / 5)
    assert "60 % of the votes by weight" in consensus.explanation
    assert chosen(decide(answers, "majority", {"acme/a": 3.0})).model.name in ("b", "c")


def test_nobody_is_told_that_no_two_agree_where_two_agree_and_lose(decide: Callable[..., Consensus]) -> None:
    """Two models, or two samples of one, may say the same and have fewer votes than one who is alone."""
    answers = [an_answer(SUBTRACT, model="a"), an_answer(ADD, model="b"), an_answer(ADD_ANNOTATED, model="c")]
    consensus = decide(answers, "weighted", {"acme/a": 3.0})
    assert consensus.explanation == "The program of acme/a was taken, which has the most votes (60 %)."
    tied = decide([*answers, an_answer(SUBTRACT.replace("b)", "b, /)"), model="d")], "weighted", {"acme/a": 2.0})
    told = "2 programs have as many votes: that of acme/a was taken, which is most like all the others."
    assert tied.explanation == told
    texts = [ADD, ADD, SUBTRACT]
    samples = [an_answer(text, model="b", sample=sample) for sample, text in enumerate(texts)]
    alone = decide([an_answer(ADD.replace("+", "*"), model="a"), *samples])
    assert alone.explanation == "The program of acme/a was taken, which has the most votes (50 %)."


def test_weighted_says_when_all_weights_are_equal(decide: Callable[..., Consensus]) -> None:
    """It then decides as a majority does."""
    answers = [an_answer(SUBTRACT, model="a"), an_answer(ADD, model="b"), an_answer(ADD, model="c")]
    consensus = decide(answers, "weighted")
    assert consensus.explanation.endswith("All weights are equal, so every model counts the same.")
    assert consensus.outcome == decide(answers).outcome


def test_weights_of_nothing_count_the_same(decide: Callable[..., Consensus]) -> None:
    """Where nobody has a vote, everybody has one."""
    answers = [an_answer(SUBTRACT, model="a"), an_answer(ADD, model="b"), an_answer(ADD, model="c")]
    consensus = decide(answers, "weighted", {"acme/a": 0.0, "acme/b": 0.0, "acme/c": 0.0})
    assert consensus.agreement == pytest.approx(2 / 3)


def test_the_best_model_decides_alone_and_says_so(decide: Callable[..., Consensus]) -> None:
    """The agreement is the share of all votes that stand behind what it says."""
    answers = [an_answer(SUBTRACT, model="a"), an_answer(ADD, model="b"), an_answer(ADD_ANNOTATED, model="c")]
    best = decide(answers, "best", {"acme/a": 2.0})
    assert chosen(best).model.name == "a"
    assert best.agreement == pytest.approx(1 / 3)
    assert best.explanation.startswith("acme/a has the highest weight (2) of 3 models and decides alone.")
    shared = decide(answers, "best", {"acme/c": 2.0})
    assert shared.agreement == pytest.approx(2 / 3)
    assert "1 of 2 other models came to the same program." in shared.explanation


def test_the_best_of_equals_is_the_first_by_id(decide: Callable[..., Consensus]) -> None:
    """Ties between models are broken by their ids, and people are told."""
    answers = [an_answer(ADD, model="b"), an_answer(SUBTRACT, model="a")]
    consensus = decide(answers, "best")
    assert chosen(consensus).model.name == "a"
    assert consensus.explanation.startswith("All weights are equal, so acme/a, the first by name of 2 models, decides.")
    assert consensus.explanation.endswith("The other model came to another program.")


def test_the_best_models_samples_vote_among_themselves(decide: Callable[..., Consensus]) -> None:
    """What it says most often is what it says."""
    texts = [SUBTRACT, ADD, ADD_ANNOTATED]
    answers = [an_answer(text, model="a", sample=sample) for sample, text in enumerate(texts)]
    consensus = decide([*answers, an_answer(SUBTRACT, model="b")], "best", {"acme/a": 2.0})
    assert chosen(consensus).sample in (1, 2)
    assert consensus.agreement == pytest.approx(1 / 3)
