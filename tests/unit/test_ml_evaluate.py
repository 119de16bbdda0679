from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.metrics import log_loss as sklearn_log_loss

from ml import evaluate


def sample(rows=800, seed=0, decimals=1):
    random = np.random.default_rng(seed)
    scores = random.normal(size=rows).round(decimals)
    return scores, (random.random(rows) < evaluate.sigmoid(scores - 1)).astype(float)


@pytest.mark.parametrize("seed", range(5))
def test_metrics_are_those_of_scikit_learn(seed):
    scores, labels = sample(seed=seed)
    probability = evaluate.sigmoid(scores)
    assert evaluate.auc(scores, labels) == pytest.approx(roc_auc_score(labels, scores))
    assert evaluate.average_precision(scores, labels) == pytest.approx(average_precision_score(labels, scores))
    found = evaluate.probability_metrics(probability, labels)
    assert found["brier"] == pytest.approx(brier_score_loss(labels, probability))
    assert found["log_loss"] == pytest.approx(sklearn_log_loss(labels, probability))
    assert evaluate.margin_log_loss(scores, labels) == pytest.approx(found["log_loss"])


def test_lift_of_a_perfect_ranking_of_five_in_a_hundred_is_ten():
    labels = np.array([1.0] * 5 + [0.0] * 95)
    assert evaluate.lift_at_top(np.arange(100, 0, -1.0), labels) == pytest.approx(10)
    assert evaluate.lift_at_top(np.zeros(100), labels) == pytest.approx(1)


def test_calibration_error_is_zero_for_the_rate_itself_and_large_for_the_wrong_one():
    labels = np.tile([1.0, 0.0, 0.0, 0.0], 100)
    assert evaluate.calibration_error(np.full(400, 0.25), labels) == pytest.approx(0, abs=1e-9)
    assert evaluate.calibration_error(np.full(400, 0.75), labels) == pytest.approx(0.5)


def test_the_interval_holds_the_auc_and_widens_when_rows_belong_to_few_accounts():
    scores, labels = sample(600)
    alone = np.array([f"a{i}" for i in range(600)], dtype=object)
    low, high = evaluate.auc_interval(scores, labels, alone)
    assert low < evaluate.auc(scores, labels) < high
    repeated = (np.repeat(scores[:60], 10), np.repeat(labels[:60], 10), np.repeat(alone[:60], 10))
    wide_low, wide_high = evaluate.auc_interval(*repeated)
    assert wide_high - wide_low > 2 * (high - low)


def test_groups_expect_ten_wins_each_and_are_like_accounts():
    probability = np.random.default_rng(2).beta(1, 15, 1200)
    groups = evaluate.interval_groups(probability)
    assert sorted(np.concatenate(groups).tolist()) == list(range(1200))
    assert len(groups) == int(probability.sum() / 10) < 10
    assert [probability[group].sum() for group in groups] == pytest.approx([probability.sum() / len(groups)] * 7, abs=1)
    assert all(probability[low].max() <= probability[high].min() for low, high in pairwise(groups))
    assert [len(evaluate.interval_groups(part)) for part in (np.full(9, 0.01), np.zeros(5), np.zeros(0))] == [1, 1, 0]


def test_nine_of_ten_observed_rates_are_covered_where_the_interval_is_right():
    """The prediction strays from the true rate by a tenth of it, and the interval says just so."""
    random, found = np.random.default_rng(3), []
    for _ in range(200):
        probability = random.beta(1, 12, 1500)
        strays = 1 + 0.1 * random.normal()
        labels = (random.random(1500) < strays * probability).astype(np.float64)
        half = 1.6449 * 0.1 * probability
        found.append(evaluate.interval_coverage(probability, probability - half, probability + half, labels, 0.9))
    assert np.mean(found) == pytest.approx(0.9, abs=0.03)


def test_one_class_has_no_ranking_metric():
    for labels in (np.zeros(5), np.ones(5)):
        assert np.isnan(evaluate.auc(np.arange(5.0), labels))
    assert evaluate.rounded(evaluate.ranking_metrics(np.arange(5.0), np.zeros(5))) == {
        "auc": None,
        "average_precision": None,
        "lift_at_10_percent": None,
    }


def test_the_shift_meets_the_base_rate_and_keeps_the_order():
    scores, labels = sample()
    shifted = evaluate.shifted_to_base_rate(scores, labels)
    assert evaluate.sigmoid(shifted).mean() == pytest.approx(labels.mean())
    assert np.allclose(shifted - scores, shifted[0] - scores[0])


def test_newest_first_puts_unknown_ages_last():
    assert np.argsort(-evaluate.newest_first(np.array([30, np.nan, 2.0]))).tolist() == [2, 0, 1]
