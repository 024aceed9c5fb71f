"""When a verdict counts, who judges, and what is said where nobody does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import Example, Outcome, Tally, TrackRecord
from codeconductor.testing import a_bench, a_model, an_answer
from codeconductor_consensus_judge._choice import JudgeSettings, judge_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from codeconductor import Consensus

ADDS = "def add(a, b):\n    return a + b\n"
SUBTRACTS = "def add(a, b):\n    return a - b\n"
ANSWERS = [
    an_answer(f"```python\n{source}```", model=model)
    for model, source in (("one", ADDS), ("two", ADDS), ("three", SUBTRACTS))
]


def prefers(wanted: str) -> Callable[[str], str]:
    """A judge that finds the candidate with a text in it, wherever it stands."""
    return lambda text: '{"verdict": "A"}' if wanted in text.partition("\nB:\n")[0] else '{"verdict": "B"}'


def test_a_verdict_that_holds_in_both_orders_decides(new_bench: Any, decide: Callable[..., Consensus]) -> None:
    """Even for the smaller group; the agreement is still what stands behind the choice."""
    bench = new_bench(says=prefers("a - b"))
    consensus = decide(ANSWERS, bench)
    assert consensus.choice is ANSWERS[2]
    assert consensus.agreement == pytest.approx(1 / 3)
    assert consensus.signals["judged"] == 1
    assert bench.asked == ["acme/judge"] * 2
    expected = (
        "acme/judge preferred the answer of acme/three to that of acme/one in both orders (2 and 1 of 3 answers)."
    )
    assert consensus.explanation == expected


@pytest.mark.parametrize(("side", "place"), [("A", "first"), ("B", "second")])
def test_a_verdict_that_changes_with_the_order_is_none(
    side: str, place: str, new_bench: Any, decide: Callable[..., Consensus]
) -> None:
    """The larger group stays."""
    consensus = decide(ANSWERS, new_bench(says=lambda text: side))
    assert consensus.choice is ANSWERS[0]
    assert consensus.signals["judged"] == 0
    assert f"preferred whatever stood {place}, which is no verdict: the larger group stays" in consensus.explanation


@pytest.mark.parametrize(("reply", "told"), [(None, "could not judge (timeout"), ("Both are fine.", "can be read")])
def test_a_judge_that_fails_gives_no_verdict_and_is_told(
    reply: str | None, told: str, new_bench: Any, decide: Callable[..., Consensus]
) -> None:
    """It is not asked a second time."""
    bench = new_bench(says=lambda text: reply)
    consensus = decide(ANSWERS, bench)
    assert consensus.choice is ANSWERS[0]
    assert consensus.explanation.startswith("Warning: acme/judge")
    assert told in consensus.explanation
    assert bench.asked == ["acme/judge"]


def test_about_recorded_answers_no_model_is_asked(decide: Callable[..., Consensus]) -> None:
    """The larger group stays, and the explanation says why."""
    consensus = decide(ANSWERS, a_bench(ANSWERS))
    assert consensus.choice is ANSWERS[0]
    assert "Nobody judged, as no model is in reach: the larger group" in consensus.explanation


def test_answers_that_say_the_same_are_not_judged(new_bench: Any, decide: Callable[..., Consensus]) -> None:
    """Comments and layout set aside."""
    same = an_answer(f"```python\n# adds\n{ADDS}```", model="four")
    bench = new_bench()
    consensus = decide([*ANSWERS[:2], same], bench)
    assert consensus.agreement == 1
    assert "nothing to judge" in consensus.explanation
    assert bench.asked == []


def test_where_some_have_code_the_others_do_not_stand_for_election(
    new_bench: Any, decide: Callable[..., Consensus]
) -> None:
    """A refusal is no program."""
    answers = [ANSWERS[0], an_answer("I cannot.", model="two"), an_answer("I cannot.", model="three")]
    consensus = decide(answers, new_bench())
    assert consensus.choice is answers[0]
    assert consensus.signals["failed"] == pytest.approx(2 / 3)


ALSO_ADDS = "def add(a, b):\n    return b + a\n"
CRASHES = "def add(a, b):\n    raise SystemExit\n"


def test_programs_that_do_the_same_on_the_examples_are_one_group(
    new_bench: Any, decide: Callable[..., Consensus]
) -> None:
    """Where they can be run; what crashes matches nobody."""
    sources = {"one": ADDS, "two": ALSO_ADDS, "three": CRASHES, "four": CRASHES.replace("SystemExit", "MemoryError")}
    answers = [an_answer(f"```python\n{source}```", model=model) for model, source in sources.items()]
    outcomes = {
        source: [Outcome("died")] * 2 if "raise" in source else [Outcome("returned", "3")] * 2
        for source in sources.values()
    }
    bench = new_bench(outcomes=outcomes, says=lambda text: None)
    task = {"entry_point": "add", "examples": [Example([1, 2], 3), Example({"a": 0, "b": 3}, 3)]}
    consensus = decide(answers, bench, **task)
    assert consensus.signals["groups"] == 3
    assert consensus.agreement == pytest.approx(1 / 2)
    assert decide(answers, bench).signals["groups"] == 4  # nobody says what to call


@pytest.mark.parametrize(
    ("entry_point", "given", "source"),
    [
        ("add", [1, "x"], "1, 'x'"),
        ("add", {"a": 1}, "a=1"),
        ("add", "1, 2", "1, 2"),
        ("add", 5, "5"),
        ("", ["1", 2], "1\n2"),
        ("", 7, "7"),
    ],
)
def test_examples_become_inputs(
    entry_point: str, given: object, source: str, new_bench: Any, decide: Callable[..., Consensus]
) -> None:
    """Arguments as source between parentheses; lines of standard input for a whole program."""
    seen: list[tuple[str, ...]] = []

    class Watching(new_bench):  # type: ignore[misc]
        async def run(self, programs: Any, inputs: Any, entry_point: str) -> Any:
            seen.append(tuple(inputs))
            return [[Outcome("printed", "")] for _ in programs]

    bench = Watching(outcomes={"": []}, says=lambda text: None)
    decide(ANSWERS, bench, entry_point=entry_point, examples=[Example(given, None)])
    assert seen == [(source,)]


LARGE, SMALL = a_model("large", parameters=14_000_000_000), a_model("small", parameters=500_000_000)
AWAY = a_model("away", parameters=70_000_000_000, loaded=False)
UNTOLD = a_model("untold")


def judge(**fields: Any) -> Any:
    return judge_of([an_answer(model=LARGE)], a_bench(models=(AWAY, LARGE, SMALL, UNTOLD), **fields))


def test_the_largest_model_that_is_loaded_judges() -> None:
    """One that is not in memory costs a load, which nobody asked for."""
    assert judge() is LARGE


def test_a_model_that_answered_is_in_memory() -> None:
    """Whatever discovery saw before."""
    assert judge_of([an_answer(model=AWAY)], a_bench(models=(AWAY, LARGE))) is AWAY


def test_the_best_by_track_record_goes_before_the_largest() -> None:
    """Even a small one: it has shown what it can."""
    tallies = {SMALL.id: Tally(9, 10), LARGE.id: Tally(5, 10)}
    record = TrackRecord(tasks=10, tallies=tallies, rates={SMALL.id: 0.9, LARGE.id: 0.5, UNTOLD.id: 0.95})
    assert judge(record=record) is SMALL


def test_the_setting_names_the_judge() -> None:
    """By a glob, loaded or not."""
    assert judge(tables={"judge": JudgeSettings(model="acme/aw*")}) is AWAY
    told = judge(tables={"judge": JudgeSettings(model="gpt-9")})
    assert told == "no model in reach matches 'gpt-9', which [judge] model names"


def test_a_small_model_does_not_judge_unless_it_is_named() -> None:
    """It would guess."""
    bench = a_bench(models=(SMALL,))
    assert "large enough" in str(judge_of([an_answer(model=SMALL)], bench))
