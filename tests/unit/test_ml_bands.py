"""Grades against outcomes: counts against a plain reading, proposals against planted borders."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import binomtest

from ml.bands import band_outcomes, band_review, grades_of, proposal
from ml.intervals import wilson

MINIMUMS = {"A": 80, "B": 60, "C": 40, "D": 20, "E": 0}


def test_grades_are_the_best_that_a_score_reaches():
    assert grades_of(MINIMUMS, np.array([0, 19, 20, 59, 60, 79, 80, 100])).tolist() == list("EEDCBBAA")


def test_outcomes_count_rows_and_bound_them_by_accounts():
    scores, labels = np.array([90, 85, 85, 10, 30]), np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    accounts = np.array(["a", "a", "b", "c", "d"], dtype=object)

    found = {row["grade"]: row for row in band_outcomes(MINIMUMS, scores, labels, accounts).to_pylist()}

    assert (found["A"]["rows"], found["A"]["accounts"], found["A"]["won_rows"]) == (3, 2, 2)
    assert found["A"]["win_rate"] == pytest.approx(2 / 3)
    assert found["A"]["lift"] == pytest.approx((2 / 3) / (2 / 5))
    assert (found["B"]["rows"], found["B"]["win_rate"], found["B"]["win_rate_low"]) == (0, None, None)


@pytest.mark.parametrize(("won", "count"), [(0, 7), (3, 11), (40, 40)])
def test_the_interval_is_wilsons(won: int, count: int):
    theirs = binomtest(won, count).proportion_ci(method="wilson")
    assert wilson(won / count, count) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_b_begins_where_converters_and_others_part_and_a_at_half_of_the_converters():
    converters, others = np.repeat([55.0, 75.0, 90.0], [10, 30, 60]), np.repeat([20.0, 54.0, 70.0], [50, 40, 10])
    assert proposal(converters, others) == (90, 55)


def review(minimums: dict[str, int]) -> dict[tuple[str, str], dict]:
    random = np.random.default_rng(3)
    won = random.random(2000) < 0.2
    scores = np.clip(np.where(won, random.normal(75, 8, 2000), random.normal(30, 12, 2000)), 0, 100).astype(int)
    days = np.array([date(2026, 1, 1) + timedelta(days=int(day)) for day in range(2000)], dtype="datetime64[D]")
    accounts = np.array([f"a{i}" for i in range(2000)], dtype=object)
    segments = np.array(["large" if i % 50 else "small" for i in range(2000)], dtype=object)
    rows = band_review(minimums, scores, won.astype(float), accounts, days, segments).to_pylist()
    return {(row["segment"], row["grade"]): row for row in rows}


def test_a_planted_border_is_proposed_and_one_that_is_off_is_named():
    found = review({**MINIMUMS, "A": 95, "B": 52})
    assert (found["all", "A"]["converters"], found["all", "A"]["others"]) == (100, 100)
    assert 70 <= found["all", "A"]["proposed_minimum"] <= 80
    assert 45 <= found["all", "B"]["proposed_minimum"] <= 65
    assert found["all", "A"]["verdict"] == "lower"
    assert found["all", "B"]["verdict"] == "keep"
    assert found["small", "A"]["verdict"] == "too few to say"
    assert found["small", "A"]["proposed_minimum"] is None


def test_an_account_counts_once_at_the_date_it_was_won():
    accounts = np.array(["a"] * 3 + [f"b{i}" for i in range(30)], dtype=object)
    labels = np.array([0.0, 1.0, 0.0] + [0.0] * 30)
    dates = np.array(["2026-01-01", "2026-02-01", "2026-03-01"] + ["2026-02-01"] * 30, dtype="datetime64[D]")
    scores = np.array([10, 70, 90] + [20] * 30)
    segments = np.full(33, "x", dtype=object)

    row = band_review(MINIMUMS, scores, labels, accounts, dates, segments).to_pylist()[0]

    assert (row["converters"], row["others"]) == (1, 30)
    assert row["converters_reached"] == 0


def test_nothing_judged_gives_no_rows():
    nothing, nobody = np.zeros(0), np.zeros(0, dtype=object)
    days = np.zeros(0, dtype="datetime64[D]")
    assert band_outcomes(MINIMUMS, nothing.astype(int), nothing, nobody).num_rows == 0
    assert band_review(MINIMUMS, nothing.astype(int), nothing, nobody, days, nobody).num_rows == 0
