"""Which rung is taken, on later rows whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from ml.evaluate import auc, auc_low_by_counts, average_precision, resampled
from ml.ladder import SURE, OutOfTime, allowed_rungs, choose_rung, without_judgement


def judged(noise: dict[str, float], rows: int = 1500, seed: int = 0) -> OutOfTime:
    """Later rows in three slices; each model sees the true margin under so much noise."""
    random = np.random.default_rng(seed)
    true = random.normal(-3, 1.3, rows)
    return OutOfTime(
        labels=(random.random(rows) < 1 / (1 + np.exp(-true))).astype(float),
        slices=np.arange(rows) % 3,
        account_ids=np.array([f"a{i // 2}" for i in range(rows)], dtype=object),
        margins={name: true + random.normal(0, sigma, rows) for name, sigma in noise.items()},
    )


def alike(*names: str) -> OutOfTime:
    later = judged({"scorecard": 0.5})
    return replace(later, margins=dict.fromkeys(names, later.margins["scorecard"]))


def test_a_better_model_replaces_a_simpler_one():
    choice = choose_rung(judged({"scorecard": 3.0, "logistic": 0.1, "gradient_boosting": 3.0}), 200, {})
    assert (choice.rung, choice.reason) == ("logistic", None)
    assert [one.rung for one in choice.evidence if one.is_chosen] == ["logistic"]


def test_a_tie_goes_to_the_simpler_one():
    assert choose_rung(alike("scorecard", "logistic", "blend"), 200, {}).rung == "scorecard"


@pytest.mark.parametrize("seed", range(4))
def test_each_step_up_is_better_in_two_of_three_resamples_and_each_that_is_not_stays_below(seed):
    choice = choose_rung(judged({"scorecard": 1.2, "logistic": 1.0, "blend": 0.9}, 600, seed), 200, {})
    standing = "scorecard"
    for one in choice.evidence[2:]:
        if one.better_in is None:
            continue
        assert one.against == standing
        assert one.gain_low <= one.gain <= one.gain_high
        standing = one.rung if one.better_in >= SURE else standing
    assert choice.rung == standing


@pytest.mark.parametrize("seed", range(4))
def test_no_better_than_chance_takes_the_rules_and_says_so(seed):
    choice = choose_rung(judged({"scorecard": 1000.0, "logistic": 1000.0}, seed=seed), 200, {})
    assert choice.rung == "rules"
    assert str(choice.reason).startswith("no usable signal: ")


def test_rules_that_rank_clearly_better_score_and_equal_ones_do_not():
    better = choose_rung(judged({"scorecard": 3.0, "logistic": 3.0, "rules": 0.1}), 200, {})
    assert better.rung == "rules"
    assert "the rules rank later accounts better" in str(better.reason)
    assert choose_rung(alike("scorecard", "rules"), 200, {}).rung == "scorecard"


def test_what_was_not_trained_says_why():
    choice = choose_rung(judged({"scorecard": 0.1}), 12, {"blend": "it is the same"})
    reasons = {one.rung: one.reason for one in choice.evidence}
    assert reasons["logistic"] == "not trained: 12 won accounts, and 20 are needed"
    assert reasons["blend"] == "it is the same"
    assert [one.is_chosen for one in without_judgement(0, "nothing yet")] == [True, False, False, False, False]


@pytest.mark.parametrize(("won", "rungs"), [(0, 0), (4, 0), (5, 1), (20, 2), (50, 4), (10_000, 4)])
def test_rungs_by_won_accounts(won, rungs):
    assert len(allowed_rungs(won)) == rungs


def test_the_mean_over_slices_weighs_by_won_rows_and_resamples_stray_around_it():
    later = judged({"scorecard": 0.5})
    for name, metric in (("auc", auc), ("average_precision", average_precision)):
        value, draws = resampled(name, later.margins["scorecard"], later.labels, later.slices, later.account_ids)
        parts = [(later.margins["scorecard"][later.slices == k], later.labels[later.slices == k]) for k in range(3)]
        expected = np.average([metric(*part) for part in parts], weights=[part[1].sum() for part in parts])
        assert value == pytest.approx(expected)
        assert abs(np.mean(draws) - value) < 0.03
        assert draws.std() > 0.005


def test_few_won_accounts_that_luck_ranks_first_are_no_signal():
    assert auc_low_by_counts(0.7, 5, 500) < 0.5 < auc_low_by_counts(0.7, 50, 500)
    random = np.random.default_rng(0)
    passed = 0
    for _ in range(400):
        scores, labels = random.random(200), np.r_[np.ones(5), np.zeros(195)]
        passed += auc_low_by_counts(auc(scores, labels), 5, 195) > 0.5
    assert passed / 400 <= 0.05
