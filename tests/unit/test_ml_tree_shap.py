"""Contributions against LightGBM's own, the oracle: kinds of trees, of values, and of ways to compute them."""

import os
import shutil
import subprocess
import sys
from fractions import Fraction
from math import factorial

import lightgbm as lgb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import tree_shap, tree_shap_kernels
from ml.tree_shap import contributions, prepare, stream_contributions
from ml.tree_shap_kernels import BLOCK_ROWS
from ml.tree_shap_plan import TooManyThresholds
from ml.tree_shap_trees import NotExplainable

EXAMPLES = 400 if os.environ.get("PQL_TEST_FULL") else 60
CATEGORICAL = 1  # the column that holds categories where a test has any


def table(seed, rows=300, features=8, categories=0, missing=0.2, zeros=0.2, whole=()):
    """Normal columns with missing values and zeros; one of categories, one constant, one empty, one of a few values.

    The columns `whole` miss nothing.
    """
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, features))
    X[random.random(X.shape) < zeros] = 0
    if features > 4:
        X[:, 2] = 7.0
        X[:, 3] = np.nan
        X[:, 4] = random.integers(-2, 3, rows)
    if categories:
        X[:, CATEGORICAL] = random.integers(0, categories, rows)
    gone = random.random(X.shape) < missing
    gone[:, list(whole)] = False
    X[gone] = np.nan
    return X


def fitted(X, seed=0, rounds=5, categories=0, **parameters):
    known = np.nan_to_num(X)
    margin = known[:, 0] + known[:, 0] * known[:, -1] + known[:, CATEGORICAL] % 3 - np.isnan(X[:, 0])
    labels = (margin + np.random.default_rng(seed).normal(size=len(X)) > np.median(margin)).astype(float)
    recipe = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 2, "seed": seed % 1000}
    recipe |= {"min_data_per_group": 2, "cat_smooth": 1.0, "max_cat_to_onehot": 2, **parameters}
    data = lgb.Dataset(X, label=labels, categorical_feature=[CATEGORICAL] if categories else [], params=recipe)
    return lgb.train(recipe, data, rounds)


def largest_difference(booster, X, max_bits=tree_shap.MAX_BITS):
    model = prepare(booster.model_to_string(), max_bits)
    own = booster.predict(X, pred_contrib=True)
    assert np.abs(own[:, -1] - model.base).max(initial=0) < 1e-9
    return np.abs(contributions(model, X) - own[:, :-1]).max(initial=0)


@settings(max_examples=EXAMPLES, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    features=st.sampled_from([3, 8, 25]),
    categories=st.sampled_from([0, 4, 40]),
    leaves=st.sampled_from([2, 6, 31, 90]),
    missing=st.sampled_from([0.0, 0.2]),
    max_bits=st.sampled_from([1, 4, tree_shap.MAX_BITS]),
    zero_as_missing=st.booleans(),
    use_missing=st.booleans(),
    extra=st.sampled_from([{}, {"boosting": "dart"}, {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.6}]),
)
def test_contributions_are_lightgbm_s(
    seed, features, categories, leaves, missing, max_bits, zero_as_missing, use_missing, extra
):
    X = table(seed, features=features, categories=categories, missing=missing, whole=[0, features - 1])
    ways = {"num_leaves": leaves, "zero_as_missing": zero_as_missing, "use_missing": use_missing, **extra}
    booster = fitted(X, seed, categories=categories, **ways)
    unseen = table(seed + 1, features=features, categories=2 * categories, missing=0.3)
    unseen[::7] *= 100
    assert largest_difference(booster, unseen, max_bits) < 1e-9


def test_the_trees_of_this_file_take_all_paths():
    """Without this the agreement above could be that of trees that never ask what is tested."""
    X = table(1, categories=40, whole=[0, 7])
    text = fitted(X, categories=40, num_leaves=31).model_to_string()
    trees = tree_shap.read_trees(text)[1]
    kinds = {tree.kind(split) for tree in trees for split in range(len(tree.feature))}
    assert kinds == {0, 2, 3}
    routes = {tree.missing_goes_left(s) for tree in trees for s in range(len(tree.feature)) if tree.kind(s) == 2}
    assert routes == {True, False}
    zeros = fitted(X, zero_as_missing=True).model_to_string()
    assert 1 in {tree.kind(s) for tree in tree_shap.read_trees(zeros)[1] for s in range(len(tree.feature))}
    assert len(prepare(text, 3).plan.deep.value) > 0
    assert len(prepare(text).plan.groups.first_leaf) > len(trees) + 1
    assert len(prepare(text).plan.groups.leaf_value) > len(prepare(text).plan.groups.first_leaf)


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-36, -1e-36, 1e-35, 2e-35, np.inf, -np.inf, 1e300, -0.5, 0.5, 2.9, 3e9])
@pytest.mark.parametrize("zero_as_missing", [False, True])
def test_values_at_the_edge_go_lightgbm_s_way(value, zero_as_missing):
    X = table(5, categories=6, zeros=0.4)
    booster = fitted(X, categories=6, zero_as_missing=zero_as_missing, num_leaves=31)
    rows = table(6, rows=60, categories=6)
    for column in range(rows.shape[1]):
        changed = rows.copy()
        changed[:, column] = value
        assert largest_difference(booster, changed) < 1e-9


def test_values_on_a_threshold_go_lightgbm_s_way():
    X = table(8)
    booster = fitted(X, num_leaves=31)
    trees = tree_shap.read_trees(booster.model_to_string())[1]
    rows = table(9, rows=200)
    for tree in trees:
        for split in range(len(tree.feature)):
            rows[split % 200, tree.feature[split]] = tree.threshold[split]
    assert largest_difference(booster, rows) < 1e-9


def chain(features):
    """Trees of which each split takes the few high rows of one feature off, and the rows."""
    X = np.random.default_rng(3).random((3000, features))
    first = np.argmax(X > 0.97, axis=1)
    data = lgb.Dataset(X, label=np.where((X > 0.97).any(axis=1), 100.0 - first, 0.0))
    recipe = {"objective": "regression", "num_leaves": features + 1, "verbosity": -1, "num_threads": 1}
    return lgb.train({**recipe, "min_data_in_leaf": 1}, data, 3), X


def shapley_in_fractions(tree, row, feature_asked):
    """A feature's Shapley value in exact arithmetic, leaf by leaf, from the definition's weights k! (D - 1 - k)! / D!.

    Rows without missing values, numeric splits only.
    """
    value = Fraction(0)
    waiting = [(0, {})]
    while waiting:
        node, path = waiting.pop()
        if node >= 0:
            feature = int(tree.feature[node])
            goes_left = row[feature] <= tree.threshold[node]
            for child, goes in ((int(tree.left[node]), goes_left), (int(tree.right[node]), not goes_left)):
                met, share = path.get(feature, (True, Fraction(1)))
                share *= Fraction(tree.rows(child), tree.rows(node))
                waiting.append((child, {**path, feature: (met and goes, share)}))
            continue
        if feature_asked not in path:
            continue
        met_asked, share_asked = path.pop(feature_asked)
        by_size, count = [Fraction(1)], len(path)  # sums over the sets of k other features, for k = 0, 1, …
        for met, share in path.values():
            without, having = [*by_size, 0], [0, *by_size]
            by_size = [a * share + b * met for a, b in zip(without, having, strict=True)]
        weights = [Fraction(factorial(k) * factorial(count - k), factorial(count + 1)) for k in range(count + 1)]
        whole = sum(total * weight for total, weight in zip(by_size, weights, strict=True))
        value += Fraction(float(tree.leaf_value[~node])) * (met_asked - share_asked) * whole
    return value


def test_trees_deeper_than_any_table():
    """On 60 features per leaf LightGBM's own contributions miss its margin by more than 1; exact arithmetic decides."""
    booster, X = chain(60)
    model = prepare(booster.model_to_string())
    assert np.diff(model.plan.deep.first_feature).max() > 50
    found = contributions(model, X[:300])
    margins = booster.predict(X[:300], raw_score=True)
    assert np.abs(model.base + found.sum(axis=1) - margins).max() < 1e-9
    assert np.abs(booster.predict(X[:300], pred_contrib=True).sum(axis=1) - margins).max() > 1
    trees = tree_shap.read_trees(booster.model_to_string())[1]
    for feature in (0, 30, 59):
        exact = float(sum(shapley_in_fractions(tree, X[7], feature) for tree in trees))
        assert found[7, feature] == pytest.approx(exact, abs=1e-12)
        assert exact != 0


def test_deep_leaves_are_those_of_lightgbm_where_that_is_exact():
    booster, X = chain(20)
    assert np.diff(prepare(booster.model_to_string()).plan.deep.first_feature).max() > 15
    assert largest_difference(booster, X[:300]) < 1e-9


def test_a_tree_with_one_leaf_and_a_model_of_such():
    X = table(2)
    booster = lgb.train({"objective": "binary", "verbosity": -1}, lgb.Dataset(np.zeros(X.shape), X[:, 4] > 0), 3)
    stumps = tree_shap.read_trees(booster.model_to_string())[1]
    assert {len(tree.leaf_value) for tree in stumps} == {1}
    assert largest_difference(booster, X) == 0
    mixed = lgb.train({"objective": "binary", "verbosity": -1}, lgb.Dataset(X, X[:, 4] > 0), 3, init_model=booster)
    sizes = {len(tree.leaf_value) for tree in tree_shap.read_trees(mixed.model_to_string())[1]}
    assert min(sizes) == 1 < max(sizes)
    assert largest_difference(mixed, X) < 1e-9


def test_ten_thousand_categories():
    random = np.random.default_rng(4)
    X = np.column_stack([random.normal(size=20_000), random.integers(0, 10_000, 20_000)])
    booster = fitted(X, categories=10_000, max_bin=20_000, min_data_per_group=1, cat_smooth=0.1)
    assert largest_difference(booster, X[:1000]) < 1e-9


def test_early_stopping_explains_the_rounds_that_predict():
    X = table(3, rows=400)
    labels = np.nan_to_num(X[:, 0]) + np.random.default_rng(0).normal(size=400) > 0
    data, later = lgb.Dataset(X[:200], labels[:200]), lgb.Dataset(X[200:], labels[200:])
    stop = lgb.early_stopping(3, verbose=False)
    recipe = {"objective": "binary", "verbosity": -1, "num_threads": 1}
    booster = lgb.train(recipe, data, 60, valid_sets=[later], callbacks=[stop], keep_training_booster=True)
    assert 1 < booster.best_iteration < booster.current_iteration()
    model = prepare(booster.model_to_string())
    assert np.abs(model.base + contributions(model, X).sum(axis=1) - booster.predict(X, raw_score=True)).max() < 1e-9
    assert largest_difference(booster, X) < 1e-9


def test_threads_blocks_and_batches_do_not_change_a_bit():
    X = table(11, rows=2 * BLOCK_ROWS + 77, categories=9)
    model = prepare(fitted(X[:500], categories=9, num_leaves=40).model_to_string())
    alone = contributions(model, X, threads=1)
    for threads in (2, 3, 8):
        assert np.array_equal(contributions(model, X, threads), alone)
    assert np.array_equal(contributions(model, np.asfortranarray(X)), alone)
    cuts = np.split(X, [0, 1, 600, BLOCK_ROWS, BLOCK_ROWS + 1])
    assert np.array_equal(np.concatenate(list(stream_contributions(model, cuts))), alone)
    one_by_one = [contributions(model, X[row : row + 1], 1)[0] for row in range(0, len(X), 500)]
    assert np.array_equal(one_by_one, alone[::500])


def test_arrow_batches_are_read_lazily_with_null_as_missing():
    X = table(12, rows=90)
    model = prepare(fitted(X).model_to_string())
    read = []

    def batches():
        for start in range(0, 90, 30):
            read.append(start)
            columns = [pa.array(X[start : start + 30, j], from_pandas=True) for j in range(X.shape[1])]
            yield pa.table(columns, names=[f"f{j}" for j in range(X.shape[1])])

    stream = stream_contributions(model, batches())
    assert np.array_equal(next(stream), contributions(model, X[:30]))
    assert read == [0]
    assert np.array_equal(np.concatenate(list(stream)), contributions(model, X[30:]))


def test_no_rows():
    model = prepare(fitted(table(13)).model_to_string())
    assert contributions(model, np.zeros((0, 8))).shape == (0, 8)
    assert list(stream_contributions(model, [])) == []


def test_a_prepared_model_is_kept():
    text = fitted(table(14)).model_to_string()
    assert prepare(text) is prepare(text)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [({"linear_tree": True}, "linear"), ({"objective": "multiclass", "num_class": 2}, "several outputs")],
)
def test_models_of_other_kinds_are_refused(parameters, said):
    text = fitted(table(15, missing=0.0)[:, [0, 1, 4]], **parameters).model_to_string()
    with pytest.raises(NotExplainable, match=said):
        prepare(text)


def test_a_split_without_training_rows_is_refused():
    text = fitted(table(16), rounds=1, num_leaves=2).model_to_string()
    with pytest.raises(NotExplainable, match="no training row"):
        prepare(text.replace("internal_count=300", "internal_count=0"))


def test_more_thresholds_than_codes_are_refused(monkeypatch):
    monkeypatch.setattr("ml.tree_shap_plan.MAX_EDGES", 3)
    with pytest.raises(TooManyThresholds, match="the most"):
        prepare.__wrapped__(fitted(table(17)).model_to_string())


def test_another_number_of_columns_is_refused():
    model = prepare(fitted(table(18)).model_to_string())
    with pytest.raises(ValueError, match="8 features"):
        contributions(model, np.zeros((2, 7)))


def test_kernels_load_and_run_where_nothing_can_be_cached(tmp_path):
    """As in a read-only image of a user without a home: no folder can be made beside the file or in the home."""
    shutil.copy(tree_shap_kernels.__file__, tmp_path / "kernels.py")
    (tmp_path / "__pycache__").write_text("a file where the folder would be")
    program = (
        "import numpy as np, kernels; held = np.ones(kernels.BLOCK_ROWS, np.uint16); "
        "assert not kernels._all_hold.stats.cache_path; "
        "codes, no, empty = np.zeros((1, 1), np.uint16), np.zeros(0, np.int64), np.zeros(0, np.uint16); "
        "kernels._all_hold(codes, no, empty, empty, empty, no, np.zeros(0, np.uint8), 0, 0, held); print(held.sum())"
    )
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "PATH": os.environ["PATH"]}
    command = [sys.executable, "-B", "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=nowhere, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(BLOCK_ROWS), done.stderr
