from dataclasses import replace
from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import pytest
import shap

from ml import boosting
from ml.boosting import Boosting
from ml.dataset import Dataset, Feature
from ml.explain import NotAdditive, association, by_signal, explain, having, require_additive, signal_weights


def sample(rows=500, features=4, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, features)).round(2)
    X[random.random(X.shape) < 0.15] = np.nan
    margin = -1 + 1.5 * np.nan_to_num(X[:, 0]) * np.nan_to_num(X[:, 1], nan=1.0) + np.nan_to_num(X[:, 2])
    return X, (random.random(rows) < 1 / (1 + np.exp(-margin))).astype(float)


def small_model(features=4, trees=5):
    X, labels = sample(features=features)
    settings = {"objective": "binary", "num_leaves": 5, "verbosity": -1, "min_data_in_leaf": 5, "num_threads": 1}
    settings["boost_from_average"] = False
    return Boosting(-0.7, lgb.train(settings, lgb.Dataset(X, label=labels), trees)), X


def expected_value(node, row, known):
    """Mean of a tree's output when only the known features of the row are: others follow the training counts."""
    if "leaf_value" in node:
        return node["leaf_value"]
    left, right = node["left_child"], node["right_child"]
    if node["split_feature"] in known:
        value = row[node["split_feature"]]
        to_left = node["default_left"] if np.isnan(value) else value <= node["threshold"]
        return expected_value(left if to_left else right, row, known)
    counts = [child.get("internal_count", child.get("leaf_count")) for child in (left, right)]
    values = [expected_value(child, row, known) for child in (left, right)]
    return float(np.average(values, weights=counts))


def shapley(trees, row, features):
    """Shapley values by their definition, over all subsets."""

    def worth(known):
        return sum(expected_value(tree["tree_structure"], row, known) for tree in trees)

    values = []
    for feature in range(features):
        others = [other for other in range(features) if other != feature]
        total = 0.0
        for size in range(features):
            weight = factorial(size) * factorial(features - size - 1) / factorial(features)
            for known in combinations(others, size):
                total += weight * (worth({*known, feature}) - worth(set(known)))
        values.append(total)
    return values, worth(set())


def test_contributions_are_shapley_values_by_brute_force():
    model, X = small_model()
    trees = model.booster.dump_model()["tree_info"]
    explanation = explain(model, X[:12])
    for i in range(12):
        values, base = shapley(trees, X[i], X.shape[1])
        assert explanation.contributions[i] == pytest.approx(values, abs=1e-10)
        assert explanation.base == pytest.approx(base - 0.7, abs=1e-10)


def test_contributions_are_those_of_shap():
    model, X = small_model(trees=40)
    found = shap.TreeExplainer(model.booster, feature_perturbation="tree_path_dependent").shap_values(X)
    values = found[1] if isinstance(found, list) else found
    assert np.allclose(explain(model, X).contributions, values, atol=1e-9)


def test_contributions_are_lightgbm_s_own():
    model, X = small_model(trees=40)
    own = model.booster.predict(X, pred_contrib=True)
    explanation = explain(model, X)
    assert np.abs(explanation.contributions - own[:, :-1]).max() < 1e-9
    assert explanation.base == pytest.approx(-0.7 + own[0, -1], abs=1e-9)


def test_rounds_after_the_best_are_explained_as_they_are_summed():
    X, labels = sample(400, 4)
    data, later = lgb.Dataset(X[:200], labels[:200]), lgb.Dataset(X[200:], labels[200:])
    recipe = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5}
    stop = lgb.early_stopping(3, verbose=False)
    booster = lgb.train(recipe, data, 60, valid_sets=[later], callbacks=[stop], keep_training_booster=True)
    assert 0 < booster.best_iteration < booster.current_iteration()
    model = boosting.Boosting(0.0, booster)
    assert np.array_equal(explain(model, X).margins, boosting.margins(model, X))


def test_no_rows_have_no_contributions_and_the_same_base():
    model, X = small_model()
    nothing = explain(model, X[:0])
    assert nothing.contributions.shape == (0, 4)
    assert nothing.margins.shape == (0,)
    assert nothing.base == explain(model, X).base


def test_base_and_contributions_are_the_margin():
    X, labels = sample(3000, 10)
    model = boosting.fit(X, labels, (0,) * 10, 100, 1)
    explanation = explain(model, X)
    assert np.abs(explanation.base + explanation.contributions.sum(axis=1) - boosting.margins(model, X)).max() < 1e-9


def test_an_explanation_that_does_not_add_up_is_refused():
    model, X = small_model()
    explanation = explain(model, X)
    for wrong in (1e-6, np.nan):
        margins = explanation.margins.copy()
        margins[3] += wrong
        with pytest.raises(NotAdditive, match="row 3"):
            require_additive(replace(explanation, margins=margins))


def dataset_of(X, labels):
    encoding = (
        Feature("b__decayed_count", "b", "decayed_count", "signal_metrics", 0),
        Feature("a__events_28d", "a", "events_28d", "signal_metrics", 0),
        Feature("b__events_28d", "b", "events_28d", "signal_metrics", 0),
        Feature("c__name=x", "c", "name", "examples", 0, "x", ("x",)),
    )
    ids = np.array([f"a{i}" for i in range(len(X))], dtype=object)
    return Dataset(X, encoding, ids, np.full(len(X), "2026-01-01", dtype="datetime64[D]"), labels)


def test_features_add_up_to_their_signal():
    X, labels = sample()
    totals = by_signal(np.arange(8.0).reshape(2, 4), dataset_of(X, labels).encoding)
    assert totals.tolist() == [[1, 0 + 2, 3], [5, 4 + 6, 7]]


def test_weights_are_ranked_shares_with_a_direction():
    X, labels = sample()
    explanation = explain(boosting.fit(X, labels, (0,) * 4, 60, 1), X)
    weights = signal_weights(explanation, dataset_of(X, labels), factor=10)
    assert [weight.rank for weight in weights] == [1, 2, 3]
    assert sum(weight.share for weight in weights) == pytest.approx(1)
    by_name = {weight.signal: weight for weight in weights}
    assert by_name["b"].direction == 1
    assert by_name["c"].direction == 0
    assert np.isnan(by_name["c"].lift)
    assert all(weight.points == pytest.approx(10 * weight.learned_weight) for weight in weights)


def test_association_and_having():
    assert association(np.array([0, 1, 2, np.nan]), np.array([0.1, 0.2, 0.3, -9])) == 1
    assert association(np.array([0, 1, 2.0]), np.array([0.3, 0.2, 0.1])) == -1
    assert association(np.ones(3), np.array([0.3, 0.2, 0.1])) == 0
    assert association(np.full(3, np.nan), np.ones(3)) == 0
    assert having(np.array([0, 0, 3, np.nan])).tolist() == [False, False, True, False]
    assert having(np.array([10, 20, 30.0])).tolist() == [False, False, True]
