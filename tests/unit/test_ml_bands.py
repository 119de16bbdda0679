"""Grades against outcomes: counts against a plain reading, proposals against planted borders."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.stats import binomtest

from ml.bands import WHOLE, band_outcomes, band_review, grades_by_segment, grades_of, proposal
from ml.intervals import wilson

MINIMUMS = {"A": 80, "B": 60, "C": 40, "D": 20, "E": 0}


def test_grades_are_the_best_that_a_score_reaches():
    assert grades_of(MINIMUMS, np.array([0, 19, 20, 59, 60, 79, 80, 100])).tolist() == list("EEDCBBAA")


def test_outcomes_count_rows_and_bound_them_by_accounts():
    scores, labels = np.array([90, 85, 85, 10, 30]), np.array([1.0, 0.0, 1.0, 0.0, 0.0])
    accounts = np.array(["a", "a", "b", "c", "d"], dtype=object)

    grades = grades_of(MINIMUMS, scores)
    found = {row["grade"]: row for row in band_outcomes(MINIMUMS, grades, labels, accounts).to_pylist()}

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
    large = np.arange(2000) % 50 > 0
    members = {"large": large, "small": ~large, "nobody": np.zeros(2000, dtype=bool)}
    borders = {WHOLE: minimums, "large": {**minimums, "B": 95}}
    rows = band_review(borders, scores, won.astype(float), accounts, days, members).to_pylist()
    return {(row["segment"], row["grade"]): row for row in rows}


def test_a_planted_border_is_proposed_and_one_that_is_off_is_named():
    found = review({**MINIMUMS, "A": 95, "B": 52})
    assert (found["all", "A"]["converters"], found["all", "A"]["others"]) == (100, 100)
    assert 70 <= found["all", "A"]["proposed_minimum"] <= 80
    assert 45 <= found["all", "B"]["proposed_minimum"] <= 65
    assert found["all", "A"]["verdict"] == "lower"
    assert found["all", "B"]["verdict"] == "keep"
    assert found["large", "B"]["verdict"] == "lower"
    assert {row["proposed_by"] for key, row in found.items() if "large" in key} == {"large"}
    assert not any("nobody" in key for key in found)


def test_a_segment_of_too_few_is_proposed_what_all_together_say():
    found = review(MINIMUMS)
    assert 0 < found["small", "A"]["converters"] < 20
    for grade in "AB":
        small, whole = found["small", grade], found[WHOLE, grade]
        assert (small["proposed_by"], small["proposed_minimum"]) == (WHOLE, whole["proposed_minimum"])
        assert (small["verdict"], whole["proposed_by"]) == (whole["verdict"], WHOLE)


def test_an_account_is_graded_by_the_first_of_its_segments_that_has_borders():
    scores = np.array([59, 59, 59, 90])
    members = {
        "new": np.array([True, True, True, True]),
        "small": np.array([False, True, True, False]),
        "keen": np.array([False, False, True, True]),
    }
    borders = {WHOLE: MINIMUMS, "small": {**MINIMUMS, "B": 50}, "keen": {**MINIMUMS, "A": 95, "B": 70}}
    assert grades_by_segment(borders, scores, members).tolist() == ["C", "B", "B", "B"]
    assert grades_by_segment({**borders, "new": {**MINIMUMS, "C": 60, "B": 70}}, scores, members).tolist() == list(
        "DDDA"
    )


def test_an_account_counts_once_at_the_date_it_was_won():
    accounts = np.array(["a"] * 3 + [f"b{i}" for i in range(30)], dtype=object)
    labels = np.array([0.0, 1.0, 0.0] + [0.0] * 30)
    dates = np.array(["2026-01-01", "2026-02-01", "2026-03-01"] + ["2026-02-01"] * 30, dtype="datetime64[D]")
    scores = np.array([10, 70, 90] + [20] * 30)

    row = band_review({WHOLE: MINIMUMS}, scores, labels, accounts, dates, {}).to_pylist()[0]

    assert (row["converters"], row["others"]) == (1, 30)
    assert (row["verdict"], row["proposed_minimum"], row["proposed_by"]) == ("too few to say", None, None)
    assert row["converters_reached"] == 0


def test_nothing_judged_gives_no_rows():
    nothing, nobody = np.zeros(0), np.zeros(0, dtype=object)
    days = np.zeros(0, dtype="datetime64[D]")
    assert band_outcomes(MINIMUMS, nobody, nothing, nobody).num_rows == 0
    assert band_review({WHOLE: MINIMUMS}, nothing.astype(int), nothing, nobody, days, {}).num_rows == 0
