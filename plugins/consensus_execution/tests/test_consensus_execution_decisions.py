"""Choosing by what the code does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Example
from codeconductor.testing import a_bench, a_model, an_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from codeconductor import Answer, Consensus

Decide = Any

PROMPT = 'def largest(numbers: list[int]) -> int:\n    """The largest number, or 0 of none."""\n'
TASK: dict[str, Any] = {"text": PROMPT, "entry_point": "largest"}

RIGHT = "def largest(numbers):\n    return max(numbers, default=0)\n"
LOOP = (
    "def largest(numbers):\n    best = 0\n    for i, n in enumerate(numbers):\n"
    "        best = n if not i or n > best else best\n    return best\n"
)
FIRST = "def largest(numbers):\n    return numbers[0] if numbers else 0\n"
LAST = "def largest(numbers):\n    return numbers[-1] if numbers else 0\n"
CRASH = "def largest(numbers):\n    raise RuntimeError\n"
HANG = "def largest(numbers):\n    raise TimeoutError\n"
RANDOM = "import itertools\nturn = itertools.count()\ndef largest(numbers):\n    return next(turn)\n"


def answers(**codes: str) -> list[Answer]:
    """One of each model, its code in a fence."""
    return [an_answer(f"```python\n{code}```", model=name) for name, code in codes.items()]


def chosen(consensus: Consensus) -> str:
    """The model whose answer was chosen."""
    assert consensus.choice is not None
    return consensus.choice.model.name


def test_what_most_do_is_chosen(decide: Decide) -> None:
    """However differently they are written: neither text is the most frequent."""
    consensus = decide(answers(ada=RIGHT, bea=LOOP, cat=FIRST, dot=LAST), **TASK)
    assert chosen(consensus) in ("ada", "bea")
    assert consensus.outcome["code"][0].text == (RIGHT if chosen(consensus) == "ada" else LOOP)
    assert set(consensus.fields[0].models) == {"acme/ada", "acme/bea"}
    assert 0.5 <= consensus.agreement < 1


@pytest.mark.parametrize(
    ("text", "entry_point", "code"),
    [
        ("Write a function add(a, b) that adds two numbers", "add", "def add(a, b):\n    return {}\n"),
        ("Add two numbers", "add", "def add(a: int, b: int) -> int:\n    return {}\n"),
        (
            "Add two numbers",
            "Solution().add",
            "class Solution:\n    def add(self, a: int, b: int):\n        return {}\n",
        ),
    ],
)
@pytest.mark.parametrize("examples", [(), (Example([2, 0], 2),)])
def test_a_task_without_a_signature_takes_that_of_the_candidates(
    decide: Decide, text: str, entry_point: str, code: str, examples: tuple[Example, ...]
) -> None:
    """Else nothing could be called but an example that all of them pass, and each program would stand by itself."""
    given = answers(ada=code.format("b + a"), bea=code.format("a + b"), cat=code.format("a - b"))
    consensus = decide(given, text=text, entry_point=entry_point, examples=examples)
    assert chosen(consensus) in ("ada", "bea")
    assert consensus.agreement == pytest.approx(2 / 3)
    assert consensus.witness is not None


def test_given_examples_filter_first(decide: Decide) -> None:
    """One that passes them beats three that agree and do not."""
    given = answers(ada=RIGHT, bea=FIRST, cat=FIRST.replace("[0]", "[:1][0]"), dot=FIRST.replace("[0]", "[::-1][-1]"))
    assert chosen(decide(given, **TASK)) != "ada"
    for examples in (
        {"examples": [Example([[1, 3, 2]], 3)]},
        {"tests": "assert largest([1, 3]) == 3"},
        {"text": PROMPT.replace("of none.", "of none.\n\n    >>> largest([1, 3])\n    3\n    ")},
    ):
        consensus = decide(given, **(TASK | examples))
        assert chosen(consensus) == "ada"
        assert consensus.agreement == 0.25


def test_what_is_expected_is_never_given_to_a_candidate(decide: Decide, new_bench: Any) -> None:
    """It is evaluated by a program of ours, in a run of its own."""
    bench = new_bench()
    decide(answers(ada=RIGHT, bea=LOOP), bench=bench, tests="assert largest([1]) == 987_654", **TASK)
    alone = [(count, inputs) for count, inputs, _ in bench.ran if any("987654" in source for source in inputs)]
    assert alone == [(1, ("987654",))]


def test_one_family_has_one_vote(decide: Decide) -> None:
    """Three siblings that err together do not outvote two strangers."""
    models = {"qwen2.5-coder:7b": FIRST, "qwen2.5-coder:14b": FIRST, "qwen3-coder:30b": FIRST}
    given = answers(**models, llama3=RIGHT, gemma2=LOOP)
    assert chosen(decide(given, **TASK)) in ("llama3", "gemma2")


def test_with_one_family_all_of_its_answers_vote(decide: Decide) -> None:
    """There is nobody else."""
    model = a_model("llama3:8b")
    given = [
        an_answer(f"```python\n{code}```", model=model, sample=sample)
        for sample, code in enumerate((FIRST, RIGHT, LOOP))
    ]
    consensus = decide(given, **TASK)
    assert consensus.choice.sample in (1, 2)
    assert consensus.agreement > 0.6


@pytest.mark.parametrize(
    "broken", [CRASH, HANG, "def other(a, b, c):\n    return 1\n"], ids=["crash", "hang", "absent"]
)
@pytest.mark.parametrize("strategy", ["execution", "codet", "b4"])
def test_what_fails_matches_nobody(decide: Decide, broken: str, strategy: str) -> None:
    """Two that hang, or three without the entry point, are no agreement."""
    given = answers(ada=broken, bea=broken.replace("1", "2"), cat=RIGHT, dot=LOOP, eve=FIRST)
    assert chosen(decide(given, strategy=strategy, **TASK)) in ("cat", "dot")


def test_what_does_not_repeat_itself_matches_nobody(decide: Decide) -> None:
    """It is told."""
    consensus = decide(
        answers(ada=RANDOM, bea=RANDOM.replace("turn =", "tour =").replace("(turn", "(tour"), cat=RIGHT), **TASK
    )
    assert chosen(consensus) == "cat"
    assert "acme/ada, acme/bea did not do the same twice" in consensus.explanation


def test_the_explanation_counts_the_programs(decide: Decide) -> None:
    """In words that fit one as well as several."""
    several = decide(answers(ada=RIGHT, bea=LOOP, cat=FIRST), **TASK)
    assert several.explanation.startswith("3 different programs in 3 answers were run; ")
    one = decide(answers(ada=RIGHT, bea=RIGHT), **TASK)
    assert one.explanation.startswith("1 program in 2 answers was run; ")


def test_the_entry_point_under_its_own_name_is_preferred(decide: Decide) -> None:
    """One that does the same under another name votes with it."""
    renamed = RIGHT.replace("largest", "find_largest")
    consensus = decide(answers(ada=renamed, bea=renamed, cat=LOOP, dot=FIRST), **TASK)
    assert chosen(consensus) == "cat"
    assert set(consensus.fields[0].models) == {"acme/ada", "acme/bea", "acme/cat"}


def test_weights_break_a_tie(decide: Decide) -> None:
    """Two say this and two say that."""
    given = answers(ada=FIRST, bea=LAST)
    assert chosen(decide(given, weights={"acme/ada": 0.4, "acme/bea": 0.6}, **TASK)) == "bea"
    assert chosen(decide(given, weights={"acme/ada": 0.6, "acme/bea": 0.4}, **TASK)) == "ada"


def test_the_witness_is_an_input_on_which_they_differ(decide: Decide) -> None:
    """The smallest one, with what each group returned."""
    witness = decide(answers(ada=RIGHT, bea=LOOP, cat=FIRST), **TASK).witness
    assert witness is not None
    first, second = witness.options
    assert (first.models, second.models) == (("acme/ada", "acme/bea"), ("acme/cat",))
    names: dict[str, Any] = {}
    exec(RIGHT, names)
    assert first.result == repr(eval(witness.input, names))
    exec(FIRST, names)
    assert second.result == repr(eval(witness.input, names))
    assert first.result != second.result


def test_a_witness_may_be_an_example(decide: Decide) -> None:
    """Where the others were left out for it."""
    witness = decide(answers(ada=RIGHT, bea=CRASH), tests="assert largest([3, 5]) == 5", **TASK).witness
    assert witness is not None
    assert witness.input == "largest([3, 5])"
    assert [option.result for option in witness.options] == ["5", "raises RuntimeError"]


def test_without_a_difference_there_is_no_witness(decide: Decide) -> None:
    """Nothing is to be asked."""
    consensus = decide(answers(ada=RIGHT, bea=LOOP), **TASK)
    assert consensus.witness is None
    assert consensus.agreement == 1.0


def test_whole_programs_are_compared_by_what_they_print(decide: Decide) -> None:
    """On inputs near to the samples."""
    text = "Double it.\n\nSample Input 1\n\n4\n\nSample Output 1\n\n8\n"
    given = answers(
        ada="print(int(input()) * 2)\n",
        bea="n = int(input())\nprint(n + n)\n",
        cat="print(8)\n",
        dot="print(input())\n",
    )
    consensus = decide(given, text=text, entry_point="")
    assert chosen(consensus) in ("ada", "bea")
    assert consensus.witness is not None
    assert [option.models for option in consensus.witness.options] == [("acme/ada", "acme/bea"), ("acme/cat",)]


def test_what_is_done_to_the_arguments_counts_where_nothing_is_returned(decide: Decide) -> None:
    """A function that works in place is told by what it leaves."""
    given = answers(
        ada="def tidy(items):\n    items.sort()\n",
        bea="def tidy(items):\n    items[:] = sorted(items)\n",
        cat="def tidy(items):\n    items.reverse()\n",
    )
    consensus = decide(given, text="def tidy(items: list[int]) -> None:\n", entry_point="tidy")
    assert chosen(consensus) in ("ada", "bea")
    assert consensus.witness is not None
    assert any("leaves the arguments as" in option.result for option in consensus.witness.options)


def test_without_a_sandbox_the_texts_decide_and_it_says_so(decide: Decide) -> None:
    """Identical programs are one."""
    given = answers(ada=FIRST, bea=RIGHT, cat=RIGHT.replace("numbers", "numbers, /"), dot="# mine\n" + RIGHT)
    consensus = decide(given, bench=a_bench(given), **TASK)
    assert consensus.explanation.startswith("No code was run: there is no sandbox, or running is forbidden.")
    assert chosen(consensus) in ("bea", "dot")
    assert consensus.agreement == 0.5


@pytest.mark.parametrize(
    ("task", "why"),
    [({"language": "go"}, "only Python can be run"), ({"kind": "class", "entry_point": None}, "names no entry point")],
)
def test_what_cannot_be_run_is_told(decide: Decide, task: Mapping[str, Any], why: str) -> None:
    """Another language, or nothing to call."""
    consensus = decide(answers(ada=RIGHT, bea=LOOP), **(TASK | dict(task)))
    assert why in consensus.explanation


def test_without_an_entry_point_the_one_that_most_define_is_called(decide: Decide) -> None:
    """The task is in words, and the candidates have names of their own."""
    given = answers(ada=RIGHT, bea=LOOP, cat=FIRST.replace("largest", "first_of"))
    consensus = decide(given, text="Write a function that gives the largest of some numbers.")
    assert chosen(consensus) in ("ada", "bea")
    assert consensus.witness is not None


def test_the_plan_of_the_chosen_answer_is_kept(decide: Decide) -> None:
    """Beside its code."""
    given = [
        an_answer(f'```json\n{{"approach": "{name}"}}\n```\n```python\n{code}```', model=name)
        for name, code in {"ada": RIGHT, "bea": LOOP, "cat": FIRST}.items()
    ]
    consensus = decide(given, **TASK)
    assert consensus.outcome["approach"] == chosen(consensus)


def test_mbr_has_examples_as_inputs_like_others(decide: Decide) -> None:
    """Three that do the same beat one that passes the example."""
    given = answers(ada=RIGHT, bea=FIRST, cat=FIRST.replace("[0]", "[:1][0]"), dot=FIRST.replace("[0]", "[::-1][-1]"))
    task = {**TASK, "tests": "assert largest([1, 3]) == 3"}
    assert chosen(decide(given, **task)) == "ada"
    consensus = decide(given, strategy="mbr", **task)
    assert chosen(consensus) != "ada"
    assert (consensus.signals["examples"], consensus.signals["passed"]) == (0, 1)


@pytest.mark.parametrize(
    "code",
    [
        f"def largest(numbers):\n    return {'+'.join(['0'] * 800)}\n",
        f"def largest(numbers: {' | '.join(['int'] * 800)}):\n    return 0\n",
        f"{FIRST}assert largest({'+'.join(['[]'] * 800)}) == 0\n",
    ],
)
@pytest.mark.parametrize("strategy", ["execution", "mbr", "codet", "b4"])
def test_a_program_nested_deeper_than_the_interpreter_goes_costs_nobody_else_anything(
    decide: Decide, code: str, strategy: str
) -> None:
    """As models write them that repeat themselves: in its code, an annotation or a test."""
    assert chosen(decide(answers(ada=RIGHT, bea=LOOP, cat=code), strategy=strategy, **TASK)) in ("ada", "bea")


def test_signals_tell_what_a_calibration_can_read(decide: Decide) -> None:
    """Shares of all votes, each family with one; a candidate that fails an example does not agree with the choice."""
    task = {**TASK, "tests": "assert largest([1, 3]) == 3\nassert largest([]) == 0"}
    signals = decide(answers(ada=RIGHT, bea=LOOP, cat=LAST, dot=CRASH), **task).signals
    assert signals["passed"] == 1.0
    assert signals["examples"] == 2
    assert signals["passing"] == 0.75
    assert 0.5 <= signals["agreeing"] < 0.75
    assert signals["families"] == 4
    assert signals["inputs"] > 0
    assert signals["sound"] == 1.0


@pytest.mark.parametrize("codes", [{"ada": CRASH, "bea": HANG}, {"ada": RIGHT, "bea": CRASH}])
def test_a_signal_tells_that_nothing_could_be_compared(decide: Decide, codes: dict[str, str]) -> None:
    """Where half of the programs fail on an input it does not count: agreement on none of them proves nothing."""
    assert decide(answers(**codes), **TASK).signals["sound"] == 0


def test_tests_that_a_plan_names_are_inputs(decide: Decide, new_bench: Any) -> None:
    """A model proposes them beside its code, in words; what it expects is not believed."""
    given = answers(ada=RIGHT, bea=FIRST)
    plan = {"tests": ["largest([7, 5, 91]) == 7", "it handles [] well", 3]}
    given.append(an_answer(f"```python\n{LOOP}```", model="cat", data=plan))
    bench = new_bench(weights={})
    assert chosen(decide(given, bench=bench, **TASK)) in ("ada", "cat")
    assert any("[7, 5, 91]" in inputs for _, inputs, _ in bench.ran)


def test_codet_counts_the_tests_that_models_wrote(decide: Decide) -> None:
    """A test in one answer speaks for the programs that pass it, where otherwise nothing tells them apart."""
    tested = RIGHT + "assert largest([1, 5]) == 5\n"
    given = answers(ada=tested, bea=LOOP, cat=FIRST, dot=FIRST.replace("else 0", "else int()"))
    assert chosen(decide(given, strategy="codet", **TASK)) in ("ada", "bea")


def test_the_inputs_of_models_own_tests_are_used(decide: Decide, new_bench: Any) -> None:
    """Somebody thought of them."""
    bench = new_bench()
    decide(answers(ada=RIGHT + "assert largest([10**9, 7]) == 10**9\n", bea=LOOP), bench=bench, **TASK)
    assert any("[10 ** 9, 7]" in inputs for _, inputs, _ in bench.ran)


def test_identical_programs_are_run_once(decide: Callable[..., Consensus], new_bench: Any) -> None:
    """Twenty answers with two programs are two runs."""
    bench = new_bench()
    decide(answers(**{f"m{number}": (RIGHT, LOOP)[number % 2] for number in range(20)}), bench=bench, **TASK)
    assert [count for count, _, _ in bench.ran] == [2]
