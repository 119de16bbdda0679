import json

import numpy as np

from ml import logistic


def test_known_coefficients_come_back_and_stronger_penalties_shrink_them():
    random = np.random.default_rng(0)
    X = random.normal(size=(20_000, 3))
    labels = (random.random(20_000) < 1 / (1 + np.exp(-(X @ [1.0, -0.5, 0.0] - 1)))).astype(float)
    models = logistic.fit_path(X, labels, logistic.PENALTIES)
    assert np.allclose(models[-1].coefficients, [1.0, -0.5, 0.0], atol=0.06)
    sizes = [np.abs(model.coefficients).sum() for model in models]
    assert sizes == sorted(sizes)


def test_a_path_ends_where_a_direct_fit_does():
    random = np.random.default_rng(1)
    X = random.normal(size=(500, 10))
    labels = (random.random(500) < 0.3).astype(float)
    along = logistic.margins(logistic.fit_path(X, labels, logistic.PENALTIES)[3], X)
    direct = logistic.margins(logistic.fit_path(X, labels, logistic.PENALTIES[3:4])[0], X)
    assert np.allclose(along, direct, atol=1e-3)


def test_skewed_columns_go_to_a_log_scale_and_missing_ones_get_a_flag():
    random = np.random.default_rng(2)
    X = np.column_stack([random.lognormal(0, 2, 400), random.normal(size=400), np.full(400, np.nan), np.ones(400)])
    X[:40, 1] = np.nan
    labels = (random.random(400) < 0.5).astype(float)
    model = logistic.fit_path(X, labels, (0.1,))[0]
    assert model.preparation.logged.tolist() == [True, False, False, False]
    assert model.preparation.flagged.tolist() == [False, True, False, False]
    prepared = logistic.prepare(model.preparation, X)
    assert prepared.shape == (400, 5)
    assert np.abs(prepared).max() <= logistic.CLIP
    assert np.isfinite(logistic.margins(model, X)).all()


def sample():
    random = np.random.default_rng(3)
    X = np.column_stack([random.lognormal(0, 2, 400), random.normal(size=400), np.full(400, np.nan), np.ones(400)])
    X[:40, 1] = np.nan
    return X, (random.random(400) < 1 / (1 + np.exp(1 - X[:, 0].clip(0, 3)))).astype(float)


def test_contributions_are_coefficient_times_distance_from_the_mean_with_the_flag_at_its_feature():
    X, labels = sample()
    model = logistic.fit_path(X, labels, (1.0,))[0]
    shares = logistic.contributions(model, X)
    prepared = logistic.prepare(model.preparation, X)
    moved = (prepared - prepared.mean(axis=0)) * model.coefficients
    assert shares.shape == X.shape
    assert np.allclose(shares[:, 1], moved[:, 1] + moved[:, 4], atol=1e-12)
    assert np.abs(logistic.base_margin(model) + shares.sum(axis=1) - logistic.margins(model, X)).max() < 1e-12
    assert np.abs(shares.mean(axis=0)).max() < 1e-12


def test_what_is_written_down_reads_back_to_the_bit():
    X, labels = sample()
    model = logistic.fit_path(X, labels, (0.1,))[0]
    again = logistic.from_json(json.loads(json.dumps(logistic.to_json(model))))
    assert np.array_equal(logistic.margins(again, X), logistic.margins(model, X))
    assert np.array_equal(logistic.contributions(again, X), logistic.contributions(model, X))


def test_weights_count_rows_as_often():
    X, labels = sample()
    twice = np.where(labels == 1, 2.0, 1.0)
    rows = np.repeat(np.arange(400), twice.astype(int))
    weighted = logistic.fit_path(X, labels, (0.1,), twice)[0]
    preparation = weighted.preparation
    assert np.isfinite(weighted.coefficients).all()
    repeated = logistic.prepare(preparation, X[rows])
    gradient = repeated.T @ (labels[rows] - 1 / (1 + np.exp(-(repeated @ weighted.coefficients + weighted.intercept))))
    assert np.allclose(
        gradient * 0.1, weighted.coefficients, atol=1e-3
    )  # where C x the loss's slope meets the penalty's
