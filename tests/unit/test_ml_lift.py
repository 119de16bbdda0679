"""Lift: intervals against published figures, exact tests against SciPy, enumeration and simulation."""

from datetime import date
from itertools import product
from math import comb

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import fisher_exact

from ml.lift import (
    Strata,
    adjusted_difference,
    benjamini_hochberg,
    compare,
    difference,
    independence_p_value,
    largest_change,
    ratio,
)

MONTHS = [date(2025, month, 1) for month in range(1, 13)]


def strata(*cells: tuple[int, int, int, int], months: list[date] | None = None) -> Strata:
    """Cells of (converters_with, converters, rest_with, rest)."""
    with_one, one, with_other, other = (np.array(column, dtype=np.int64) for column in zip(*cells, strict=True))
    days = np.array(months or [MONTHS[0]] * len(cells), dtype="datetime64[D]")
    return Strata(days, one, with_one, other, with_other, np.zeros(len(cells), dtype=np.int64))


# Newcombe 1998, table II, method 10.
@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0), ((5, 56, 0, 29), -0.0381, 0.1926),
    ],
)  # fmt: skip
def test_intervals_of_differences_are_those_of_newcombe(counts: tuple[int, int, int, int], low: float, high: float):
    estimate = difference(*counts)
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=6e-5)


def test_the_interval_of_a_ratio_is_that_of_its_logarithm():
    estimate = ratio(20, 100, 10, 100)
    error = np.sqrt(1 / 20 - 1 / 100 + 1 / 10 - 1 / 100)
    assert estimate.value == pytest.approx(2)
    assert np.log([estimate.low, estimate.high]) == pytest.approx(np.log(2) + np.array([-1, 1]) * 1.959964 * error)


def test_a_ratio_to_nobody_is_not_a_number():
    assert np.isnan(ratio(3, 10, 0, 10).value)
    assert np.isnan(ratio(0, 10, 3, 10).low)


def test_one_stratum_has_the_p_value_of_fisher():
    random = np.random.default_rng(1)
    for _ in range(200):
        one, other = random.integers(1, 30, 2)
        with_one, with_other = random.integers(0, one + 1), random.integers(0, other + 1)
        p = independence_p_value(strata((with_one, one, with_other, other)))
        expected = fisher_exact([[with_one, one - with_one], [with_other, other - with_other]])[1]
        assert (1.0 if np.isnan(p) else p) == pytest.approx(expected, rel=1e-6)


def test_several_strata_have_the_p_value_of_plain_enumeration():
    cells = [(3, 4, 2, 6), (1, 2, 3, 9), (2, 3, 0, 5), (2, 2, 0, 0), (3, 3, 4, 4)]
    ways: dict[int, int] = {}
    for drawn in product(*(range(cell[1] + 1) for cell in cells)):
        count = 1
        for x, (with_one, one, with_other, other) in zip(drawn, cells, strict=True):
            showing = with_one + with_other
            count *= comb(one, x) * (comb(other, showing - x) if 0 <= showing - x <= other else 0)
        ways[sum(drawn)] = ways.get(sum(drawn), 0) + count
    extreme = sum(way for way in ways.values() if way <= ways[sum(cell[0] for cell in cells)])
    assert independence_p_value(strata(*cells)) == pytest.approx(extreme / sum(ways.values()), rel=1e-9)


def test_a_reversal_by_busyness_is_no_discovery():
    """Half of the busy show it and half of them convert; of the quiet a tenth: pooled it looks like an effect."""
    busy, quiet = (50, 100, 50, 100), (10, 100, 90, 900)
    pooled = strata(tuple(sum(cells) for cells in zip(busy, quiet, strict=True)))
    assert independence_p_value(pooled) < 1e-6
    assert independence_p_value(strata(busy, quiet)) > 0.9
    assert adjusted_difference(strata(busy, quiet)).value == pytest.approx(0)


def test_one_stratum_has_the_plain_difference():
    assert adjusted_difference(strata((30, 100, 20, 200))).value == pytest.approx(0.2)


def test_the_adjusted_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(2)
    hits = 0
    for _ in range(1000):
        base = random.uniform(0.2, 0.5, 20)
        one, other = random.integers(2, 8, 20), random.integers(20, 60, 20)
        cells = zip(random.binomial(one, base + 0.2), one, random.binomial(other, base), other, strict=True)
        estimate = adjusted_difference(strata(*cells))
        hits += estimate.low <= 0.2 <= estimate.high
    assert 0.93 <= hits / 1000 <= 0.97


def test_false_discoveries_are_controlled_as_published():
    """The 15 p-values of Benjamini and Hochberg 1995, section 3.2: four discoveries at 0.05."""
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    q = benjamini_hochberg(np.array([np.nan, *p]))
    assert np.isnan(q[0])
    assert (q < 0.05).sum() == 4
    assert q[4] == pytest.approx(0.0095 * 15 / 4)


def test_a_change_is_found_in_its_month():
    cells = [(30, 40, 80, 400)] * 5 + [(10, 40, 80, 400)] * 7
    change = largest_change(strata(*cells, months=MONTHS))
    assert change.month == MONTHS[5]
    assert change.p_value < 1e-6
    assert change.gap_before == pytest.approx(0.55)
    assert change.gap_after == pytest.approx(0.05)


def test_changes_are_not_found_where_there_is_none():
    """A strong, constant odds ratio with a prevalence that drifts: at most 5 % of false alarms, and some variety."""
    random = np.random.default_rng(3)
    p_values = []
    for _ in range(400):
        base = np.linspace(0.1, 0.5, 12)
        odds = 4 * base / (1 - base)
        cells = zip(
            random.binomial(20, odds / (1 + odds)), [20] * 12, random.binomial(100, base), [100] * 12, strict=True
        )
        p_values.append(largest_change(strata(*cells, months=MONTHS)).p_value)
    assert np.mean(np.array(p_values) < 0.05) <= 0.07
    assert min(p_values) < 0.1


def test_too_few_months_test_no_change():
    assert np.isnan(largest_change(strata(*[(30, 40, 80, 400)] * 5, months=MONTHS[:5])).p_value)


def counts(**signals: tuple[int, int, int, int]) -> pa.Table:
    """The same cells in each of twelve months, by signal."""
    return pa.Table.from_pylist(
        [
            {
                "time_window": "last_30_days", "cohort_month": month, "account_kind": "company", "activity_level": 1,
                "signal": signal, "at_least": 1, "converters": one, "converters_with": with_one,
                "rest": other, "rest_with": with_other, "undecided": 1,
            }
            for signal, (with_one, one, with_other, other) in signals.items()
            for month in MONTHS
        ]
    )  # fmt: skip


def test_signals_are_ranked_by_what_their_gap_is_at_least():
    lift, months = compare(
        counts(strong=(15, 20, 20, 100), weak=(8, 20, 25, 100), cooling=(4, 20, 50, 100), noise=(4, 20, 20, 100))
    )
    rows = {row["signal"]: row for row in lift.to_pylist()}
    assert sorted(rows, key=lambda signal: rows[signal]["rank"]) == ["strong", "cooling", "weak", "noise"]
    assert [rows[signal]["is_discovery"] for signal in ("strong", "cooling", "weak", "noise")] == [1, 1, 1, 0]
    assert rows["cooling"]["gap_high"] < 0
    assert rows["strong"]["undecided"] == 12
    assert {(row["signal"], row["trend"]) for row in months.to_pylist()} == {
        ("strong", "steady"), ("cooling", "steady"), ("weak", "steady"), ("noise", None)
    }  # fmt: skip


def test_nobody_converted_is_no_error():
    lift, months = compare(counts(any_signal=(0, 0, 20, 100)))
    assert lift.to_pylist()[0]["gap"] is None
    assert lift.to_pylist()[0]["is_discovery"] == 0
    assert months.num_rows == 12
    assert compare(counts(any_signal=(0, 0, 1, 1)).slice(0, 0))[0].num_rows == 0
