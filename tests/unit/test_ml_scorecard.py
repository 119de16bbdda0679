import numpy as np
import pytest
from scipy.special import betaln

from ml import scorecard
from ml.dataset import Feature


def features(*signs, signals=None):
    names = signals or [f"s{j}" for j in range(len(signs))]
    pairs = enumerate(zip(names, signs, strict=True))
    return tuple(Feature(f"{name}__{j}", name, str(j), "examples", sign) for j, (name, sign) in pairs)


def alone(rows):
    return np.array([f"a{i}" for i in range(rows)], dtype=object)


def sample(rows=2000, seed=0, effect=1.2):
    random = np.random.default_rng(seed)
    X = np.column_stack([random.poisson(1.0, rows), random.normal(size=rows), random.poisson(1.0, rows)]).astype(float)
    X[random.random(rows) < 0.1, 1] = np.nan
    margin = -3 + effect * np.minimum(X[:, 0], 2)
    return X, (random.random(rows) < 1 / (1 + np.exp(-margin))).astype(float)


def test_the_feature_that_matters_is_taken_and_its_bins_rise_with_the_rate():
    X, labels = sample()
    card = scorecard.fit(X, labels, alone(len(X)), features(0, 0, 0))
    assert card.lines[0].column == 0
    assert card.lines[0].edges[0] == 0.0
    known = card.lines[0].weights[1:]
    assert list(known) == sorted(known)
    for number, in_bin in enumerate([X[:, 0] == 0, X[:, 0] == 1], start=1):
        rate = labels[in_bin].mean()
        expected = np.log(rate / (1 - rate)) - np.log(labels.mean() / (1 - labels.mean()))
        assert card.lines[0].weights[number] == pytest.approx(expected, abs=0.15)


def test_contributions_and_base_are_the_margin_and_the_mean_moves_nobody():
    X, labels = sample()
    card = scorecard.fit(X, labels, alone(len(X)), features(0, 0, 0))
    shares = scorecard.contributions(card, X)
    assert np.abs(scorecard.base_margin(card) + shares.sum(axis=1) - scorecard.margins(card, X)).max() < 1e-12
    assert np.abs(shares.mean(axis=0)).max() < 1e-12


def test_five_won_accounts_give_one_line_and_weights_that_are_pulled_towards_none():
    random = np.random.default_rng(3)
    X = np.column_stack([np.r_[np.ones(5), np.zeros(295)], random.normal(size=300)])
    labels = np.r_[np.ones(5), np.zeros(295)]
    card = scorecard.fit(X, labels, alone(300), features(0, 0))
    assert [line.column for line in card.lines] == [0]
    assert np.isfinite(card.lines[0].weights).all()
    assert scorecard.margins(card, X)[0] > scorecard.margins(card, X)[-1] + 1


def test_bins_without_anything_to_say_say_nothing():
    random = np.random.default_rng(4)
    X = random.normal(size=(4000, 6))
    labels = (random.random(4000) < 0.1).astype(float)
    card = scorecard.fit(X, labels, alone(4000), features(*[0] * 6))
    assert scorecard.margins(card, X).std() < 0.1


def test_bins_that_run_against_the_polarity_are_pooled():
    X, labels = sample()
    for sign in (1, -1):
        card = scorecard.fit(X, labels, alone(len(X)), features(sign, 0, 0))
        for line in card.lines:
            if line.column == 0:
                assert (sign * np.diff(line.weights[1:]) >= 0).all()
    backwards = scorecard.fit(X, labels, alone(len(X)), features(-1, 0, 0))
    assert not any(line.column == 0 for line in backwards.lines)


def test_one_line_per_signal():
    X, labels = sample()
    twice = np.column_stack([X[:, 0], X[:, 0] * 2])
    card = scorecard.fit(twice, labels, alone(len(X)), features(0, 0, signals=["same", "same"]))
    assert len(card.lines) == 1


def test_more_rows_of_the_same_accounts_make_the_bins_no_surer():
    X, labels = sample(300)
    once = scorecard.fit(X, labels, alone(300), features(0, 0, 0))
    tenfold = scorecard.fit(
        np.repeat(X, 10, axis=0), np.repeat(labels, 10), np.repeat(alone(300), 10), features(0, 0, 0)
    )
    assert tenfold.base == pytest.approx(once.base)
    for one, other in zip(once.lines, tenfold.lines, strict=True):
        assert one.weights == pytest.approx(other.weights)


def test_the_evidence_is_the_beta_binomial_bayes_factor():
    bins = scorecard.Bins((), np.array([0.0, 3.0]), np.array([0.0, 10.0]))
    apart = betaln(3 + 2, 7 + 8) - betaln(2, 8)
    assert scorecard._evidence(bins, 0.2, 2.0) == pytest.approx(apart - 3 * np.log(0.2) - 7 * np.log(0.8))


def test_missing_constant_and_empty_columns_are_no_obstacle():
    X = np.column_stack([np.full(50, np.nan), np.ones(50)])
    card = scorecard.fit(X, np.array([0.0, 1.0] * 25), alone(50), features(0, 0))
    assert np.allclose(scorecard.margins(card, X), 0.0)


def test_what_is_written_down_reads_back_to_the_bit():
    X, labels = sample()
    card = scorecard.fit(X, labels, alone(len(X)), features(0, 0, 0))
    assert scorecard.from_json(scorecard.to_json(card)) == card
