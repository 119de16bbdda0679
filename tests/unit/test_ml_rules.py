from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.dataset import Feature, build_dataset
from ml.rules import Rule, UnusableRule, explain_by_rules, points_by_group, read_rules, rules_encoding, rules_scale
from ml.scale import to_score

FEATURES = ("a__events_28d", "b__events_28d", "c__employees")
ENCODING = tuple(Feature(name, *name.split("__"), "examples", 0) for name in FEATURES)

a_rule = st.builds(
    Rule,
    group=st.sampled_from(["usage", "fit"]),
    cap=st.just(10.0),
    signal=st.just("a"),
    metric=st.just("events_28d"),
    at_least=st.none() | st.integers(-2, 5).map(float),
    below=st.none() | st.integers(0, 9).map(float),
    points=st.integers(-6, 12).map(float),
)
some_rules = st.lists(st.tuples(a_rule, st.sampled_from(FEATURES)), max_size=8).map(
    lambda pairs: [replace(rule, signal=n.split("__")[0], metric=n.split("__")[1]) for rule, n in pairs]
)
a_row = st.lists(st.integers(-1, 9).map(float) | st.just(float("nan")), min_size=3, max_size=3)


def plain_reading(rules, row):
    total = 0.0
    for group in {rule.group for rule in rules}:
        points = 0.0
        for rule in rules:
            value = row[FEATURES.index(f"{rule.signal}__{rule.metric}")]
            if rule.group != group or value != value:
                continue
            if (rule.at_least is None or value >= rule.at_least) and (rule.below is None or value < rule.below):
                points += rule.points
        total += min(points, 10.0)
    return total


@settings(deadline=None)
@given(some_rules, st.lists(a_row, min_size=1, max_size=5))
def test_points_are_those_of_a_plain_reading(rules, rows):
    explanation = explain_by_rules(rules, ENCODING, np.array(rows))
    assert explanation.margins == pytest.approx([plain_reading(rules, row) for row in rows], abs=1e-9)
    assert np.abs(explanation.contributions.sum(axis=1) - explanation.margins).max() < 1e-9


def seed(**changes):
    columns = {
        "rule_group": ["usage", "usage", "fit"],
        "cap": [30, 30, 10],
        "signal": ["invited", "invited", "company_size"],
        "metric": ["events_14d", "events_14d", "employees"],
        "from": pa.array([1, 5, None], pa.int64()),
        "below": pa.array([5, None, 50], pa.int64()),
        "one_of": pa.array([None, None, None], pa.string()),
        "points": [10, 40, 10],
    }
    return pa.table({**columns, **changes})


def test_rules_read_any_metric_of_a_signal_and_scale_to_the_sum_of_caps():
    day = date(2026, 1, 1)
    examples = pa.table(
        {"account_id": ["x", "y", "z"], "as_of_date": [day] * 3, "company_size__employees": [10.0, 99.0, None]}
    )
    metrics = pa.table(
        {"account_id": ["x", "y"], "as_of_date": [day] * 2, "signal": ["invited"] * 2, "events_14d": [2, 9]}
    )
    signals = pa.table({"signal": ["invited"], "polarity": [1], "use_in_model": [True]})
    rules = read_rules(seed())
    encoding = rules_encoding(rules, examples, metrics, signals)
    dataset = build_dataset(examples, metrics, signals, encoding)
    explanation = explain_by_rules(rules, encoding, dataset.X)
    assert explanation.margins.tolist() == [20, 30, 0]
    assert to_score(rules_scale(rules), explanation.margins).tolist() == [50, 75, 0]
    with pytest.raises(UnusableRule, match="no metric 'employees' of a signal 'company_size'"):
        rules_encoding(rules, examples.drop_columns(["company_size__employees"]), metrics, signals)


def test_a_group_with_two_caps_is_refused():
    with pytest.raises(UnusableRule, match="group 'usage' has caps 30 and 20"):
        read_rules(seed(cap=[30, 20, 10]))
    with pytest.raises(UnusableRule, match="no cap or no points"):
        read_rules(seed(points=pa.array([1, None, 2], pa.int64())))


def test_no_rules_score_everybody_zero():
    rules = read_rules(seed().slice(0, 0))
    assert to_score(rules_scale(rules), explain_by_rules(rules, ENCODING, np.ones((2, 3))).margins).tolist() == [0, 0]


def test_a_rule_may_name_words_and_what_is_not_known_gets_nothing():
    day = date(2026, 1, 1)
    industries = ["Software", "Finance", "Retail", None]
    examples = pa.table({"account_id": list("wxyz"), "as_of_date": [day] * 4, "industry__name": industries})
    metrics = pa.table(
        {"account_id": ["w"], "as_of_date": [day], "signal": ["invited"], "events_14d": pa.array([2], pa.int64())}
    )
    signals = pa.table({"signal": ["invited"], "polarity": [1], "use_in_model": [True]})
    rules = seed(
        signal=["invited", "invited", "industry"],
        metric=["events_14d", "events_14d", "name"],
        below=pa.array([5, None, None], pa.int64()),
        one_of=pa.array([None, None, "Software|Finance"], pa.string()),
    )

    points = points_by_group(rules, examples, metrics, signals, "run").to_pylist()

    assert [(row["account_id"], row["points"], row["cap"]) for row in points if row["rule_group"] == "fit"] == [
        ("w", 10, 10), ("x", 10, 10), ("y", 0, 10), ("z", 0, 10),
    ]  # fmt: skip
    assert [row["points"] for row in points if row["rule_group"] == "usage"] == [10, 0, 0, 0]
