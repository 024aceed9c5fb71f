"""What earlier tasks say of models: rates that start from what is known, and a rule that has to earn its place."""

from __future__ import annotations

import pytest
from codeconductor.consensus import Earlier, Tally, TrackRecord, learn, posteriors

GOOD, FAIR, POOR = "alder-large", "birch", "cedar"


def earlier(*rows: dict[str, float]) -> Earlier:
    """These rows, all of one kind."""
    models = dict.fromkeys(model for row in rows for model in row)
    tallies = {
        model: Tally(sum(row.get(model, 0) for row in rows), sum(model in row for row in rows)) for model in models
    }
    return Earlier(tallies=tallies, overall=tallies, matrix=rows)


def mixed(count: int, **rates: float) -> list[dict[str, float]]:
    """Rows in which each model is right on its share of the tasks, the poorer ones where the better ones are too."""
    return [{model: float(number < rate * count) for model, rate in rates.items()} for number in range(count)]


def test_without_outcomes_every_model_counts_the_same() -> None:
    """There is nothing to learn from, and nobody is the best."""
    record = learn(Earlier(), [GOOD, FAIR], "function")
    assert record == TrackRecord(rates={GOOD: 0.5, FAIR: 0.5}, weights={GOOD: 1.0, FAIR: 1.0})


def test_outcomes_of_other_models_say_nothing() -> None:
    """They are not those that are asked."""
    known = earlier(*mixed(50, **{POOR: 0.9}))
    assert learn(known, [GOOD, FAIR], "question") == learn(Earlier(), [GOOD, FAIR], "question")
    beside = earlier(*mixed(50, **{POOR: 0.9}), {GOOD: 1.0})
    assert learn(beside, [GOOD, FAIR], "question").tasks == 1


def test_a_rate_starts_from_one_half_and_moves_with_the_outcomes() -> None:
    """Four outcomes weigh as much as the start; the kind starts from all kinds."""
    known = Earlier(overall={GOOD: Tally(4, 4)})
    assert learn(known, [GOOD], "function").rates[GOOD] == pytest.approx(6 / 8)
    known = Earlier(overall={GOOD: Tally(4, 4)}, tallies={GOOD: Tally(0, 4)})
    assert learn(known, [GOOD], "function").rates[GOOD] == pytest.approx((4 * 6 / 8) / 8)


def test_votes_stay_uniform_while_models_are_near_equal() -> None:
    """The better ones only decide ties: their weight is larger by less than any vote."""
    rows = [{GOOD: float(n % 5 != 0), FAIR: float(n % 5 != 1), POOR: float(n % 5 != 2)} for n in range(100)]
    record = learn(earlier(*rows), [GOOD, FAIR, POOR], "function")
    assert record.rule == "uniform"
    assert record.advice is None
    assert all(weight == pytest.approx(1, abs=0.002) for weight in record.weights.values())


def test_one_model_that_is_far_better_than_the_team_is_to_be_used_alone() -> None:
    """A vote would be right only where the others are, too."""
    rows = mixed(100, **{GOOD: 0.9, FAIR: 0.3, POOR: 0.3, "dogwood": 0.3, "elm": 0.3})
    record = learn(earlier(*rows), [GOOD, FAIR, POOR, "dogwood", "elm"], "function")
    assert record.rule == "alone"
    assert record.best == GOOD
    assert record.advice is not None
    assert f"use {GOOD} alone" in record.advice
    assert "90%" in record.advice


def test_few_outcomes_move_no_rule() -> None:
    """What three tasks say is chance."""
    rows = mixed(3, **{GOOD: 1.0, FAIR: 0.0, POOR: 0.0})
    assert learn(earlier(*rows), [GOOD, FAIR, POOR], "function").rule == "uniform"


def test_no_weight_is_negative_however_bad_a_model_is() -> None:
    """Who is mostly wrong is not evidence for the contrary."""
    rows = mixed(200, **{GOOD: 0.75, FAIR: 0.65, POOR: 0.02})
    record = learn(earlier(*rows), [GOOD, FAIR, POOR], "function")
    assert min(record.weights.values()) > 0


def test_a_family_has_little_more_than_the_vote_of_its_best_member() -> None:
    """Siblings err alike: three of them do not outvote two others."""
    siblings, others = ["qwen2.5-coder:7b", "qwen2.5-coder:14b", "qwen3-coder"], ["llama3.1:8b", "gemma2:9b"]
    capped = learn(Earlier(), [*siblings, *others], "question").weights
    assert sum(capped[name] for name in siblings) == pytest.approx(1.3)
    assert all(capped[name] == 1 for name in others)
    assert set(learn(Earlier(), siblings, "function").weights.values()) == {1.0}


def test_the_same_outcomes_give_the_same_record() -> None:
    """Chance in the replay is drawn from a seed."""
    rows = mixed(60, **{GOOD: 0.8, FAIR: 0.6, POOR: 0.5})
    assert learn(earlier(*rows), [GOOD, FAIR, POOR], "question") == learn(
        earlier(*rows), [GOOD, FAIR, POOR], "question"
    )


def test_models_that_are_mostly_right_make_their_group_likely() -> None:
    """By naive Bayes with two wrong answers: three of four right is odds of six for one model."""
    alone = posteriors([{GOOD: 1.0}], {GOOD: 0.75})
    assert alone == [pytest.approx(6 / 7)]
    both = posteriors([{GOOD: 1.0}, {POOR: 1.0}], {GOOD: 0.75, POOR: 0.25})
    assert both == [pytest.approx(6 / (1 + 6 + 2 / 3)), pytest.approx((2 / 3) / (1 + 6 + 2 / 3))]
    assert posteriors([{FAIR: 1.0}, {POOR: 1.0}], {}) == [pytest.approx(2 / 5)] * 2


def test_a_models_samples_share_what_it_says_for_a_group() -> None:
    """Five samples of which three agree are not five models."""
    assert posteriors([{GOOD: 0.5}, {GOOD: 0.5}], {GOOD: 0.8}) == [pytest.approx(8**0.5 / (1 + 2 * 8**0.5))] * 2
    assert sum(posteriors([{GOOD: 1.0}, {FAIR: 1.0}] * 500, {GOOD: 1.0, FAIR: 0.0})) < 1
