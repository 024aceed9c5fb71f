"""Fitting finds the curve behind outcomes, and the measures tell good probabilities from bad ones."""

from __future__ import annotations

import math
import random

import pytest
from codeconductor.calibration import AGREEMENT
from codeconductor.calibration.fitting import BETA, Judged, fit
from codeconductor.calibration.measures import Forecast, auroc, ece, quality
from hypothesis import given, settings
from hypothesis import strategies as st


def judged(signals: dict[str, float], *, right: bool, task: str = "") -> Judged:
    return Judged(task=task, part="a", strategy="vote", kind="question", signals=signals, right=right)


def drawn(count: int, log_odds: dict[str, float], seed: int = 1) -> list[Judged]:
    """Decisions that are right as often as this curve over evenly spread signals says."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        signals = {name: draw.random() for name in log_odds if name}
        score = log_odds[""] + sum(log_odds[name] * value for name, value in signals.items())
        found.append(judged(signals, right=draw.random() < 1 / (1 + math.exp(-score)), task=str(number)))
    return found


def test_a_fit_finds_the_curve_that_made_the_outcomes() -> None:
    """Within what four thousand outcomes can tell."""
    truth = {"": -2.0, "share": 3.0, "margin": 1.5}
    calibration = fit(drawn(4000, truth), [("share", "plain"), ("margin", "plain")])
    assert calibration.n == 4000
    assert calibration.intercept == pytest.approx(-2.0, abs=0.25)
    assert [term.slope for term in calibration.terms] == pytest.approx([3.0, 1.5], abs=0.35)
    fresh = drawn(2000, truth, seed=2)
    said = [Forecast(calibration.probability(one.signals), one.right, one.task) for one in fresh]
    assert ece(said) < 0.03


def test_beta_calibration_straightens_an_agreement_that_claims_too_much() -> None:
    """Models err alike: here a share of s is right with probability s squared."""
    draw = random.Random(3)
    shares = [draw.choice([0.2, 0.4, 0.6, 0.8, 0.95]) for _ in range(3000)]
    calibration = fit([judged({AGREEMENT: s}, right=draw.random() < s * s) for s in shares], BETA)
    for share in (0.4, 0.6, 0.8, 0.95):
        assert calibration.probability({AGREEMENT: share}) == pytest.approx(share * share, abs=0.05)


def test_a_signal_that_speaks_against_itself_is_left_out() -> None:
    """A larger share that is right less often is chance, or a fault: its slope is 0, and the others are fitted anew."""
    calibration = fit(drawn(2000, {"": 0.0, "share": -2.0, "margin": 2.0}), [("share", "plain"), ("margin", "plain")])
    share, margin = calibration.terms
    assert share.slope == 0.0
    assert margin.slope == pytest.approx(1.9, abs=0.4)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_any_outcomes_give_a_curve_that_rises(outcomes: list[tuple[float, bool]]) -> None:
    """All right, all wrong, one alone, all at the same share: no slope is negative, and no number infinite."""
    calibration = fit([judged({AGREEMENT: share}, right=right) for share, right in outcomes], BETA)
    assert math.isfinite(calibration.intercept)
    assert all(0 <= term.slope < math.inf for term in calibration.terms)
    said = [calibration.probability({AGREEMENT: share / 10}) for share in range(11)]
    assert said == sorted(said)


def test_decisions_without_a_signal_of_the_terms_are_left_out() -> None:
    """They say nothing of it."""
    known = [judged({AGREEMENT: 0.5, "passed": 1.0}, right=True), judged({AGREEMENT: 0.5}, right=False)]
    assert fit(known, [("passed", "plain")]).n == 1


def forecasts(*groups: tuple[float, int, int]) -> list[Forecast]:
    """Of each probability so many, of which so many were right."""
    return [
        Forecast(probability, number < right, f"{probability}-{number}")
        for probability, count, right in groups
        for number in range(count)
    ]


def test_probabilities_that_come_true_have_no_calibration_error() -> None:
    """Also not by chance: what a perfect forecaster would show is taken off."""
    assert ece(forecasts((0.2, 500, 100), (0.8, 500, 400))) < 0.01
    draw = random.Random(5)
    perfect = [Forecast(p, draw.random() < p) for p in (draw.random() for _ in range(500))]
    assert ece(perfect) < 0.04


def test_claiming_too_much_is_a_calibration_error() -> None:
    """Nine in ten were said, and six came."""
    assert ece(forecasts((0.9, 1000, 600))) == pytest.approx(0.3, abs=0.01)


def test_auroc_tells_how_often_right_ones_have_more_than_wrong_ones() -> None:
    """Ties count half; where all were right, there is nothing to tell."""
    assert auroc(forecasts((0.9, 2, 2), (0.1, 2, 0))) == 1.0
    assert auroc(forecasts((0.5, 4, 2))) == 0.5
    assert auroc(forecasts((0.9, 2, 1), (0.1, 2, 1))) == 0.5
    assert auroc(forecasts((0.9, 3, 3))) is None


def test_the_interval_of_the_calibration_error_is_around_it_and_the_same_each_time() -> None:
    """Tasks are drawn anew, with a seed."""
    measured = quality(forecasts((0.9, 200, 120), (0.3, 200, 60)))
    assert measured.ece_low < measured.ece < measured.ece_high
    assert measured == quality(forecasts((0.9, 200, 120), (0.3, 200, 60)))
    assert measured.right == 0.45
    assert measured.brier == pytest.approx((120 * 0.01 + 80 * 0.81 + 60 * 0.49 + 140 * 0.09) / 400)
