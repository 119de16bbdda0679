"""Rules against outcomes: counts against a plain reading, the interval against planted rates."""

import numpy as np
import pytest

from ml.dataset import Dataset, Feature
from ml.rule_lift import Counted, Learned, lift_interval, rule_lift
from ml.rules import Rule

ENCODING = (Feature("a__count", "a", "count", "examples", 0), Feature("b__name=x", "b", "name", "examples", 0, "x"))
LOW = Rule("use", 10, "a", "count", 1, 3, 4)
HIGH = Rule("use", 10, "a", "count", 3, None, 10)
WORD = Rule("fit", 5, "b", "name", None, None, 5, ("x",))


def dataset(counts: list[float], words: list[float], labels: list[float], accounts: list[str]) -> Dataset:
    return Dataset(
        np.column_stack([counts, words]).astype(float),
        ENCODING,
        np.array(accounts, dtype=object),
        np.full(len(labels), "2026-01-01", dtype="datetime64[D]"),
        np.array(labels, dtype=float),
    )


def test_a_step_is_compared_with_the_foot_of_its_ladder_and_accounts_are_counted_once():
    known = dataset(
        [0, 0, 1, 5, 5, np.nan], [1, 0, 1, 0, np.nan, 0], [0, 1, 0, 1, 1, 0], ["p", "q", "r", "s", "s", "t"]
    )
    learned = Learned(("a",), np.array([[0.0], [2.0], [4.0], [9.0], [7.0], [1.0]]))

    low, high, word = rule_lift((LOW, HIGH, WORD), known, learned).to_pylist()

    assert (high["rows_with"], high["accounts_with"], high["won_accounts_with"]) == (2, 1, 1)
    assert (high["rows_without"], high["accounts_without"], high["won_accounts_without"]) == (3, 3, 1)
    assert low["rows_without"] == 3
    assert high["lift"] == pytest.approx(1 / (1 / 3))
    assert high["learned_points"] == pytest.approx(8 - 1)
    assert (word["rows_with"], word["rows_without"], word["learned_points"], word["one_of"]) == (2, 4, None, "x")
    assert {low["verdict"], high["verdict"], word["verdict"]} == {"too little to say"}


def test_planted_rates_are_borne_out_contradicted_or_unsure():
    random = np.random.default_rng(7)
    counts = random.integers(0, 5, 4000).astype(float)
    words = random.integers(0, 2, 4000).astype(float)
    rate = np.where(counts >= 3, 0.2, 0.05)
    known = dataset(list(counts), list(words), list((random.random(4000) < rate) * 1.0), [f"a{i}" for i in range(4000)])
    against = Rule("use", 10, "a", "count", 3, None, -5)

    found = {row["points"]: row for row in rule_lift((HIGH, against, WORD), known, None).to_pylist()}

    assert found[10]["verdict"] == "borne out"
    assert found[10]["lift_low"] < 4 < found[10]["lift_high"]
    assert found[-5]["verdict"] == "contradicted"
    assert found[5]["verdict"] == "not sure"


def test_the_interval_holds_the_true_ratio_about_as_often_as_it_says():
    random = np.random.default_rng(11)
    inside = 0
    for _ in range(500):
        won, lost = random.binomial(300, 0.10), random.binomial(500, 0.05)
        _, low, high = lift_interval(Counted(300, 300, won, won / 300), Counted(500, 500, lost, lost / 500))
        inside += low <= 2 <= high
    assert 0.93 <= inside / 500 <= 0.98


def test_nobody_won_is_a_lift_of_zero_with_an_upper_end():
    lift, low, high = lift_interval(Counted(40, 40, 0, 0.0), Counted(400, 400, 20, 0.05))
    assert lift == low == 0
    assert 0 < high < 10
