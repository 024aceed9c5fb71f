"""What a decision on values tells of how sure one may be, and the calibration that reads it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from codeconductor import TrackRecord, decide, hookimpl, posteriors
from codeconductor.testing import MakeSession, a_bench, a_task, an_answer
from codeconductor_consensus_majority._strategies import Best, Majority, Weighted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from codeconductor import Answer

STRATEGIES = [Best(), Majority(), Weighted()]
SAID = [
    an_answer("4", model="alder:7b"),
    an_answer("The answer is 4.", model="elm"),
    an_answer("5", model="fir"),
    an_answer("It depends on what you mean by a sum, and on whom you ask", model="oak"),
]
RATES = {"acme/alder:7b": 0.9, "acme/elm": 0.6, "acme/fir": 0.5, "acme/oak": 0.5}
RECORD = TrackRecord(tasks=80, rates=RATES, weights=RATES, best="acme/alder:7b")


def signals(
    answers: Sequence[Answer], strategy: Any = STRATEGIES[1], record: TrackRecord | None = None, **task: Any
) -> dict[str, float]:
    bench = a_bench(answers, weights=dict(record.weights) if record else None, record=record or TrackRecord())
    task = {"kind": "question", "language": None, **task}
    return dict(asyncio.run(strategy.decide(a_task(**task), answers, bench)).signals)


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_a_value_has_its_share_its_lead_and_how_likely_it_is(strategy: Any) -> None:
    """One vote a model, whatever the strategy weighs; prose counts as an answer without a value."""
    found = signals(SAID, strategy, RECORD)
    four, five = {"acme/alder:7b": 1.0, "acme/elm": 1.0}, {"acme/fir": 1.0}
    assert found == {
        "families": 3.0,
        "share": 0.5,
        "margin": 0.25,
        "groups": 2.0,
        "posterior": pytest.approx(posteriors([four, five], RATES)[0]),
        "failed": 0.25,
        "rate": 0.9,
    }


def test_without_a_track_record_every_model_is_right_half_of_the_time() -> None:
    """And there is no rate to tell."""
    found = signals(SAID)
    assert "rate" not in found
    assert found["posterior"] == pytest.approx(4 / (1 + 4 + 2))


def test_the_samples_of_one_family_are_counted_where_there_is_no_other() -> None:
    """They share one vote."""
    samples = [an_answer(text, model="elm", sample=number) for number, text in enumerate(["4", "4", "5"])]
    found = signals(samples)
    assert found["families"] == 3.0
    assert found["share"] == pytest.approx(2 / 3)
    assert found["posterior"] < posteriors([{"acme/elm": 1.0}], {})[0]
    siblings = [an_answer("4", model="qwen2.5:7b"), an_answer("4", model="qwen3:8b"), an_answer("4", model="gemma2")]
    assert signals(siblings)["families"] == 2.0


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.name)
def test_calls_have_signals_too(strategy: Any) -> None:
    """The same calls are one group, in whatever order their arguments stand."""
    calls = ['[{"name": "add", "arguments": {"a": 1, "b": 2}}]', '[{"name": "add", "arguments": {"b": 2, "a": 1}}]']
    answers = [an_answer(text, model=f"m{number}") for number, text in enumerate(calls)]
    found = signals(answers, strategy, kind="call")
    assert (found["share"], found["margin"], found["groups"], found["failed"]) == (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize("kind", ["question", "function"])
def test_prose_plans_and_code_have_none(kind: str) -> None:
    """Texts are never clearly the same, so that nothing was measured on them."""
    prose = "That depends on what is meant by the word, and on the country one lives in"
    assert signals([an_answer(prose, model="elm")], kind=kind) == {}
    assert signals([an_answer("```python\nx = 1\n```", model="elm")], kind="function") == {}


class Brings:
    """The three strategies."""

    @hookimpl
    def conductor_consensus_strategies(self) -> Sequence[object]:
        return STRATEGIES


@pytest.mark.parametrize(
    ("strategy", "record"),
    [("majority", None), ("majority", RECORD), ("weighted", RECORD), ("best", RECORD)],
)
@pytest.mark.parametrize("kind", ["question", "call"])
def test_short_answers_have_a_probability(
    make_session: MakeSession, strategy: str, record: TrackRecord | None, kind: str
) -> None:
    """By the table that comes with the strategies: more when all say the same than when one stands alone."""
    session = make_session(brings=Brings())
    said = ("add(a=1)", "add(a=2)") if kind == "call" else ("4", "5")

    def confidence(*values: int) -> float:
        answers = [an_answer(said[v], model=m) for v, m in zip(values, ("alder:7b", "elm", "fir", "oak"), strict=True)]
        bench = a_bench(answers, weights=dict(record.weights) if record else None, record=record or TrackRecord())
        consensus = asyncio.run(decide(session, a_task(kind=kind, language=None), answers, bench, strategy=strategy))
        assert consensus.calibrated, session.warnings
        return consensus.confidence

    assert 0.5 < confidence(0, 0, 0, 0) < 1
    assert 0 < confidence(0, 1, 1, 0) < confidence(0, 0, 0, 1) < confidence(0, 0, 0, 0)


def test_code_that_is_not_run_has_no_probability(make_session: MakeSession) -> None:
    """How many wrote the same text is no measure of being right."""
    answers = [an_answer("```python\nx = 1\n```", model="elm")]
    session = make_session(brings=Brings())
    consensus = asyncio.run(decide(session, a_task(), answers, a_bench(answers), strategy="majority"))
    assert (consensus.calibrated, consensus.confidence) == (False, 1.0)
