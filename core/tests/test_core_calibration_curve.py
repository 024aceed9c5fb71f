"""A calibration is a curve over signals: between 0 and 1, rising where more is better, and blended with another."""

from __future__ import annotations

import math

import attrs
import pytest
from codeconductor.calibration import (
    AGREEMENT,
    SHRINK,
    Calibration,
    Form,
    Term,
    confidence_of,
    kind_of_calibration,
)
from hypothesis import given
from hypothesis import strategies as st

FORMS: list[Form] = ["plain", "negative", "log", "complement"]
shares = st.floats(min_value=0, max_value=1)
slopes = st.floats(min_value=0, max_value=50)


def curve(*terms: Term, intercept: float = 0.0, n: int = 1000) -> Calibration:
    return Calibration(strategy="vote", kind="question", record=False, intercept=intercept, terms=terms, n=n)


def certain(probability: float, n: int) -> Calibration:
    """It says this, whatever the signals."""
    return curve(intercept=math.log(probability / (1 - probability)), n=n)


@given(
    st.floats(min_value=-1e6, max_value=1e6),
    st.dictionaries(st.sampled_from(FORMS), slopes),
    shares,
    st.integers(min_value=1, max_value=10**6),
)
def test_a_probability_is_above_0_and_below_1(
    intercept: float, slopes_of: dict[Form, float], share: float, n: int
) -> None:
    """However steep the curve: nobody is certain, least of all after few outcomes."""
    terms = [Term(signal="share", form=form, slope=slope) for form, slope in slopes_of.items()]
    said = curve(*terms, intercept=intercept, n=n).probability({"share": share})
    assert max(0.005, 1 / (n + 2)) <= said <= 1 - max(0.005, 1 / (n + 2))


@given(st.floats(min_value=-5, max_value=5), slopes, slopes, slopes, shares, shares)
def test_more_of_a_signal_never_lowers_the_probability(
    intercept: float, plain: float, log: float, complement: float, one: float, other: float
) -> None:
    """Slopes are not negative, and every form but one rises."""
    terms = (
        Term(signal="share", form="plain", slope=plain),
        Term(signal="share", form="log", slope=log),
        Term(signal="share", form="complement", slope=complement),
    )
    calibration = curve(*terms, intercept=intercept)
    less, more = sorted((one, other))
    assert calibration.probability({"share": less}) <= calibration.probability({"share": more})


def test_more_failures_lower_the_probability() -> None:
    """What is bad enters with the form `negative`."""
    calibration = curve(Term(signal="failed", form="negative", slope=2.0))
    assert calibration.probability({"failed": 0.5}) == pytest.approx(1 / (1 + math.exp(1)))


def test_both_logarithms_of_a_share_are_beta_calibration() -> None:
    """Slopes of one leave a share as it is."""
    terms = [Term(signal="share", form=form, slope=1.0) for form in ("log", "complement")]
    for share in (0.1, 0.5, 0.9):
        assert curve(*terms).probability({"share": share}) == pytest.approx(share)


def test_a_signal_counts_no_further_than_it_was_seen() -> None:
    """Teams of a hundred were never measured."""
    calibration = curve(Term(signal="families", form="plain", slope=0.5, low=2.0, high=4.0))
    at = {families: calibration.probability({"families": families}) for families in (1.0, 2.0, 4.0, 100.0)}
    assert at[1.0] == at[2.0] < at[4.0] == at[100.0]


def test_the_users_own_calibration_counts_as_much_as_it_has_outcomes() -> None:
    """The shipped one counts as fifty: at fifty outcomes they meet half-way."""
    shipped = certain(0.6, 5000)
    assert confidence_of({}, certain(0.8, SHRINK), shipped) == pytest.approx(0.7)
    assert confidence_of({}, certain(0.8, 9 * SHRINK), shipped) == pytest.approx(0.78)
    assert confidence_of({}, None, shipped) == pytest.approx(0.6)
    assert confidence_of({}, certain(0.8, 60), None) == pytest.approx(0.8)
    assert confidence_of({}, None, None) is None


def test_a_calibration_says_nothing_where_a_signal_is_absent() -> None:
    """The other one speaks alone, or none does."""
    needs = curve(Term(signal="passed", form="plain", slope=1.0))
    agreeing = attrs.evolve(needs, terms=[Term(signal=AGREEMENT, form="log", slope=1.0)])
    assert confidence_of({AGREEMENT: 0.5}, needs, None) is None
    assert confidence_of({AGREEMENT: 0.5}, needs, agreeing) == pytest.approx(1 / 3)


def test_every_kind_of_task_with_code_is_one() -> None:
    """What is right there is told by tests, whatever is written."""
    assert kind_of_calibration("question") == "question"
    assert kind_of_calibration("call") == "call"
    assert {kind_of_calibration(kind) for kind in ("function", "class", "bugfix", "refactor")} == {"code"}
