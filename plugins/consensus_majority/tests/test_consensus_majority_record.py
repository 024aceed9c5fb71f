"""What a track record changes: who suits short answers, who suits code that is not run, and what the reader is told."""

from __future__ import annotations

import asyncio

import pytest
from codeconductor import Consensus, TrackRecord
from codeconductor.testing import a_bench, a_task, an_answer
from codeconductor_consensus_majority._strategies import Best, Majority, Weighted

ANSWERS = [an_answer("4", model="alder"), an_answer("5", model="elm"), an_answer("5", model="fir")]
IDS = [answer.model.id for answer in ANSWERS]
RATES = {"acme/alder": 0.9, "acme/elm": 0.4, "acme/fir": 0.4}
ALONE = TrackRecord(tasks=60, rates=RATES, weights=RATES, rule="alone", best=IDS[0], advice="use acme/alder alone")
LOG_ODDS = TrackRecord(tasks=60, rates=RATES, weights=RATES, rule="log-odds", best=IDS[0])


def decided(strategy: Majority | Weighted | Best, record: TrackRecord, kind: str = "question") -> Consensus:
    bench = a_bench(ANSWERS, weights=dict(record.weights), record=record)
    return asyncio.run(strategy.decide(a_task(kind=kind, language=None), ANSWERS, bench))


def fits(record: TrackRecord, *, weights: dict[str, float] | None = None, kind: str = "question") -> list[str]:
    """The strategies that suit, the best first."""
    answers = ANSWERS if kind in ("question", "call") else [an_answer("```python\nx = 1\n```", model="alder")]
    bench = a_bench(answers, weights=weights, record=record)
    task = a_task(kind=kind)
    found = [(s.suits(task, answers, bench), s.name) for s in (Best(), Majority(), Weighted())]
    return [name for fit, name in sorted((-fit, name) for fit, name in found if fit is not None)]


@pytest.mark.parametrize("kind", ["question", "call"])
def test_short_answers_are_decided_by_what_the_record_speaks_for(kind: str) -> None:
    """By one model alone, by weights, or without either by one vote each."""
    assert fits(ALONE, weights=RATES, kind=kind) == ["best", "weighted", "majority"]
    assert fits(LOG_ODDS, weights=RATES, kind=kind) == ["weighted", "majority"]
    assert fits(TrackRecord(), kind=kind) == ["majority"]


def test_weights_suit_short_answers_whoever_they_come_from() -> None:
    """A user's or a plugin's need no record."""
    assert fits(TrackRecord(), weights={"acme/alder": 2.0}) == ["weighted", "majority"]


def test_code_that_nobody_runs_is_left_to_the_best_model_where_one_is_known() -> None:
    """Texts of programs are hardly ever the same, so that their votes say nothing."""
    assert fits(LOG_ODDS, weights=RATES, kind="function") == ["best", "majority"]
    assert fits(TrackRecord(), kind="function") == ["majority"]


def test_the_best_model_is_taken_against_the_majority_and_the_reader_told() -> None:
    """The agreement stays that of all models."""
    consensus = decided(Best(), ALONE)
    assert consensus.outcome == {"answer": "4"}
    assert consensus.agreement == pytest.approx(1 / 3)
    assert consensus.advice == "use acme/alder alone"


def test_the_advice_stands_whoever_decides_a_question() -> None:
    """Also by a majority that was asked for; it does not speak of code, which can be run."""
    assert decided(Majority(), ALONE).advice == "use acme/alder alone"
    assert decided(Majority(), ALONE, kind="function").advice is None


def test_weights_say_where_they_come_from() -> None:
    """So many earlier tasks, and what these speak for."""
    consensus = decided(Weighted(), LOG_ODDS)
    assert consensus.outcome == {"answer": "4"}
    assert "60 earlier tasks speak for weights" in consensus.explanation


def test_weights_that_somebody_gave_say_nothing_of_where_they_come_from() -> None:
    """They are not what the record would have them be."""
    bench = a_bench(ANSWERS, weights={"acme/alder": 3.0})
    consensus = asyncio.run(Weighted().decide(a_task(kind="question", language=None), ANSWERS, bench))
    assert consensus.outcome == {"answer": "4"}
    assert "earlier" not in consensus.explanation
    assert "family" not in consensus.explanation


def test_siblings_share_little_more_than_one_vote() -> None:
    """And it is said, as somebody may count heads."""
    answers = [an_answer("4", model="elm:7b"), an_answer("4", model="elm:14b"), an_answer("5", model="fir")]
    weights = {"acme/elm:7b": 0.65, "acme/elm:14b": 0.65, "acme/fir": 1.0}
    bench = a_bench(answers, weights=weights, record=TrackRecord(weights=weights))
    consensus = asyncio.run(Weighted().decide(a_task(kind="question", language=None), answers, bench))
    assert consensus.agreement == pytest.approx(1.3 / 2.3)
    assert "one family" in consensus.explanation
