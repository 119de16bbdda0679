import re

import numpy as np
import pytest

from ml import boosting


def sample(rows=6000, features=40, seed=0):
    random = np.random.default_rng(seed)
    X = random.gamma(0.5, 2.0, (rows, features)).round(2)
    X[random.random(X.shape) < 0.1] = np.nan
    margin = -2 + np.nan_to_num(X[:, 0]) - 0.5 * np.nan_to_num(X[:, 1]) + 0.3 * random.normal(size=rows)
    return X, (random.random(rows) < 1 / (1 + np.exp(-margin))).astype(float)


def trees_of(model):
    return re.sub(r"\[num_threads: \d+\]", "", boosting.to_text(model))


def test_one_two_and_four_threads_give_the_same_bits():
    X, labels = sample()
    models = [boosting.fit(X, labels, (0,) * 40, 25, threads) for threads in (1, 2, 4)]
    assert len({trees_of(model) for model in models}) == 1
    assert len({boosting.margins(model, X).tobytes() for model in models}) == 1


def test_the_text_round_trips_to_the_same_bits():
    X, labels = sample(1000, 5)
    model = boosting.fit(X, labels, (0,) * 5, 30, 1)
    again = boosting.from_text(boosting.to_text(model), model.initial_margin)
    assert np.array_equal(boosting.margins(again, X), boosting.margins(model, X))
    assert np.array_equal(again.booster.predict(X, pred_contrib=True), model.booster.predict(X, pred_contrib=True))


def test_stages_run_from_the_base_rate_to_the_whole_model():
    X, labels = sample(1000, 5)
    model = boosting.fit(X, labels, (0,) * 5, 30, 1)
    staged = boosting.staged_margins(model, X, 30)
    assert staged.shape == (4, 1000)
    assert np.allclose(staged[0], boosting.log_odds(labels.mean()))
    assert np.allclose(staged[-1], boosting.margins(model, X), atol=1e-12)


def test_stages_without_another_tree_repeat_the_last():
    X, labels = sample(200, 2)
    model = boosting.fit(np.ones_like(X), labels, (0, 0), 30, 1)
    assert model.booster.current_iteration() < 30  # nothing to split by
    assert np.allclose(boosting.staged_margins(model, np.ones_like(X), 30), boosting.log_odds(labels.mean()))
    assert boosting.staged_margins(model, X, 30).shape == (4, 200)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_signal_with_a_polarity_never_pulls_the_other_way(sign):
    X, labels = sample(2000, 3)
    model = boosting.fit(X, labels, (sign, 0, 0), 50, 1)
    path = np.tile(np.nanmedian(X, axis=0), (50, 1))
    path[:, 0] = np.linspace(0, 10, 50)
    assert (sign * np.diff(boosting.margins(model, path)) >= 0).all()


def test_a_leaf_holds_about_five_won_rows_within_bounds():
    def leaf_rows(won, rows):
        labels = np.zeros(rows)
        labels[:won] = 1
        return boosting.parameters(labels, (0,), boosting.DEFAULT_SHAPE, 1)["min_data_in_leaf"]

    assert leaf_rows(100, 10_000) == 500  # 5 / 1 %
    assert leaf_rows(5_000, 10_000) == 20
    assert leaf_rows(10, 10_000) == 1_250  # an eighth of the rows
    assert leaf_rows(2, 4) == 1


def test_the_first_rounds_are_the_model_that_fewer_rounds_give():
    X, labels = sample(1000, 5)
    cut = boosting.first_rounds(boosting.fit(X, labels, (0,) * 5, 40, 1), 20)
    assert np.array_equal(boosting.margins(cut, X), boosting.margins(boosting.fit(X, labels, (0,) * 5, 20, 1), X))


def test_weights_move_the_base_rate_and_the_trees():
    X, labels = sample(1000, 5)
    weights = np.where(labels == 1, 3.0, 1.0)
    weighted = boosting.fit(X, labels, (0,) * 5, 10, 1, weights=weights)
    assert boosting.log_odds(np.average(labels, weights=weights)) == weighted.initial_margin
    assert (
        boosting.margins(weighted, X).mean()
        > boosting.margins(boosting.fit(X, labels, (0,) * 5, 10, 1), X).mean() + 0.3
    )


def test_constant_and_missing_columns_are_no_obstacle():
    X = np.column_stack([np.ones(100), np.full(100, np.nan)])
    model = boosting.fit(X, np.array([0.0, 1.0] * 50), (0, 0), 10, 1)
    assert np.allclose(boosting.margins(model, X), 0.0)
