"""Which signals separate the accounts that converted from the rest, by how much, and since when.

Accounts are compared within strata (calendar month, kind of account, level of their other activity), so that neither a
season nor mere busyness passes for a discovery. The null distribution of "converters who showed the signal" given all
margins of all strata is known exactly: a sum of independent hypergeometric counts. Both tests are read from it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from scipy.special import gammaln  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from ml import arrow
from ml.arrow import Bools, Dates, Floats, Integers, Schema, Table
from ml.intervals import Z_95, wilson

FALSE_DISCOVERY_RATE = 0.05
TREND_THRESHOLDS = (1, 3)
LEAST_MONTHS = 3  # on each side of a change: a quarter
NEGLIGIBLE = 1e-100  # probabilities below this times the largest are dropped, so that sums of many strata stay short
EQUAL = 1 + 1e-7  # outcomes as likely as the observed one, up to rounding, are as extreme (R's and SciPy's tolerance)

LIFT_SCHEMA: Schema = {
    "time_window": "text",
    "signal": "text",
    "at_least": "integer",
    "first_month": "date",
    "last_month": "date",
    "converters": "integer",
    "converters_with": "integer",
    "rest": "integer",
    "rest_with": "integer",
    "undecided": "integer",
    "rate_converters": "float",
    "rate_rest": "float",
    "gap": "float",
    "gap_low": "float",
    "gap_high": "float",
    "lift": "float",
    "lift_low": "float",
    "lift_high": "float",
    "adjusted_gap": "float",
    "adjusted_gap_low": "float",
    "adjusted_gap_high": "float",
    "p_value": "float",
    "q_value": "float",
    "is_discovery": "integer",
    "rank": "integer",
    "threshold_rank": "integer",
}
MONTH_SCHEMA: Schema = {
    "time_window": "text",
    "signal": "text",
    "at_least": "integer",
    "cohort_month": "date",
    "converters": "integer",
    "converters_with": "integer",
    "rest": "integer",
    "rest_with": "integer",
    "rate_converters": "float",
    "rate_rest": "float",
    "gap": "float",
    "gap_low": "float",
    "gap_high": "float",
    "adjusted_gap": "float",
    "trend": "text",
    "changed_in": "date",
    "gap_before": "float",
    "gap_after": "float",
    "change_p_value": "float",
    "change_q_value": "float",
}

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Strata:
    """Counts of accounts by stratum, for one time window, signal and threshold; arrays of equal length."""

    month: Dates
    converters: Integers
    converters_with: Integers
    rest: Integers
    rest_with: Integers
    undecided: Integers

    def of(self, rows: Bools) -> "Strata":
        """Some of the strata."""
        return Strata(*(getattr(self, name)[rows] for name in Strata.__dataclass_fields__))


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; NaN where the counts say nothing."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Distribution:
    """Probabilities of the whole numbers from `lowest` on."""

    lowest: int
    probabilities: Floats

    def probability(self, count: int) -> float:
        """The probability of exactly this count."""
        place = count - self.lowest
        return float(self.probabilities[place]) if 0 <= place < len(self.probabilities) else 0.0


@dataclass(frozen=True)
class Change:
    """Where the odds ratio changed most, and how surprising so large a change is where there is none."""

    month: Any
    gap_before: float
    gap_after: float
    p_value: float


NOT_TESTED = Change(None, np.nan, np.nan, np.nan)


def compare(counts: Table) -> tuple[Table, Table]:
    """The tables `signal_lift` (time window, signal, threshold) and `signal_lift_by_month` (the same, and month).

    q-values control the false discovery rate over all rows (Benjamini and Hochberg 1995; tests of one signal at several
    thresholds depend on each other positively, which that procedure allows). Discoveries are ranked by the end of
    the adjusted gap's interval that is nearer to zero: by what the gap is at least. The others follow by p-value.

    A change is looked for where there is a discovery, at `TREND_THRESHOLDS`. Its test takes as given what discovery
    was decided by, so this choice leaves its p-values what they are (independent filtering: Bourgon, Gentleman and
    Huber 2010, PNAS 107:9546). `trend` is `decayed` or `grown` where a change has a q-value below 0.05, by whether the
    gap came nearer to zero; `steady` where none is shown, which is not the same as none.

    Args:
        counts: `features.conversion_counts`: accounts by time_window, cohort_month, stratum, signal and at_least.
    """
    compared = list(strata_by_key(counts))
    q_values = benjamini_hochberg(
        np.array(p_values := [independence_p_value(one) for _, one in compared], dtype=np.float64)
    )
    is_discovery = [bool(q < FALSE_DISCOVERY_RATE) for q in q_values]
    records = [
        _lift_record(key, one) | {"p_value": p, "q_value": q, "is_discovery": int(discovered)}
        for (key, one), p, q, discovered in zip(compared, p_values, q_values, is_discovery, strict=True)
    ]
    tracked = [
        (key, one, largest_change(one) if discovered else NOT_TESTED)
        for (key, one), discovered in zip(compared, is_discovery, strict=True)
        if key[2] in TREND_THRESHOLDS
    ]
    change_q_values = benjamini_hochberg(np.array([change.p_value for _, _, change in tracked], dtype=np.float64))
    months = [
        record | _trend_record(change, q)
        for (key, one, change), q in zip(tracked, change_q_values, strict=True)
        for record in _month_records(key, one)
    ]
    return arrow.build_rows(LIFT_SCHEMA, _ranked(records)), arrow.build_rows(MONTH_SCHEMA, months)


def strata_by_key(counts: Table) -> Iterator[tuple[Key, Strata]]:
    """The strata of each (time window, signal, threshold), in that order."""
    names = ["time_window", "signal", "at_least"]
    ordered = counts.take(arrow.sort_order(counts, [*names, "cohort_month", "account_kind", "activity_level"]))
    windows, signals = arrow.texts(ordered, "time_window"), arrow.texts(ordered, "signal")
    thresholds = arrow.numbers(ordered, "at_least")
    months = arrow.dates(ordered, "cohort_month")
    columns = [arrow.numbers(ordered, name).astype(np.int64) for name in list(Strata.__dataclass_fields__)[1:]]
    is_first = np.ones(ordered.num_rows, dtype=np.bool_)
    is_first[1:] = (windows[1:] != windows[:-1]) | (signals[1:] != signals[:-1]) | (thresholds[1:] != thresholds[:-1])
    starts = [*np.flatnonzero(is_first).tolist(), ordered.num_rows]
    for start, end in pairwise(starts):
        key = (str(windows[start]), str(signals[start]), int(thresholds[start]))
        yield key, Strata(months[start:end], *(column[start:end] for column in columns))


def difference(with_one: int, one: int, with_other: int, other: int) -> Estimate:
    """Difference of two shares, with the interval from Wilson's two (Newcombe 1998, Statistics in Medicine 17:873)."""
    if not one or not other:
        return Estimate(np.nan, np.nan, np.nan)
    p, q = with_one / one, with_other / other
    (p_low, p_high), (q_low, q_high) = wilson(p, one), wilson(q, other)
    gap = p - q
    return Estimate(gap, gap - np.hypot(p - p_low, q_high - q), gap + np.hypot(p_high - p, q - q_low))


def ratio(with_one: int, one: int, with_other: int, other: int) -> Estimate:
    """Ratio of two shares with the interval of its logarithm (Katz et al. 1978, Biometrics 34:469).

    NaN where the second share is zero, and no interval where the first one is: a logarithm knows neither.
    """
    if not one or not with_other:
        return Estimate(np.nan, np.nan, np.nan)
    value = (with_one / one) / (with_other / other)
    if not with_one:
        return Estimate(value, np.nan, np.nan)
    width = np.exp(Z_95 * np.sqrt(1 / with_one - 1 / one + 1 / with_other - 1 / other))
    return Estimate(value, value / width, value * width)


def adjusted_difference(strata: Strata) -> Estimate:
    """The Mantel-Haenszel difference of shares over strata with Sato's interval.

    Weights of Mantel and Haenszel (Greenland and Robins 1985, Biometrics 41:55); the variance is right for few large
    strata and for many sparse ones (Sato 1989, Biometrics 45:1323). It is approximate: where none or all of a few
    converters show the signal it is too narrow, so the exact test alone decides what is a discovery.
    """
    comparable = strata.of((strata.converters > 0) & (strata.rest > 0))
    n1, n0 = comparable.converters.astype(np.float64), comparable.rest.astype(np.float64)
    a, c = comparable.converters_with, comparable.rest_with
    n = n1 + n0
    weight = float(np.sum(n1 * n0 / n))
    if weight == 0:
        return Estimate(np.nan, np.nan, np.nan)
    gap = float(np.sum((a * n0 - c * n1) / n)) / weight
    p = np.sum((n1**2 * c - n0**2 * a + n1 * n0 * (n0 - n1) / 2) / n**2)
    q = np.sum((a * (n0 - c) + c * (n1 - a)) / (2 * n))
    error = float(np.sqrt(max(gap * p + q, 0.0))) / weight
    return Estimate(gap, gap - Z_95 * error, gap + Z_95 * error)


def independence_p_value(strata: Strata) -> float:
    """Two-sided exact conditional test that signal and conversion have nothing to do with each other in any stratum.

    Fisher's exact test where there is one stratum, the exact form of Cochran's and Mantel and Haenszel's where there
    are several (Agresti 2002, Categorical Data Analysis, 6.7). NaN where the margins leave nothing to vary.
    """
    return _p_value(null_distribution(strata), int(strata.converters_with.sum()))


def null_distribution(strata: Strata) -> Distribution:
    """How many converters would show the signal were it unrelated, given all counts per stratum of either kind."""
    with_signal = strata.converters_with + strata.rest_with
    total = strata.converters + strata.rest
    # Elsewhere the counts leave one outcome: most strata of a rare signal, and all of those who never convert.
    varies = (strata.converters > 0) & (strata.rest > 0) & (with_signal > 0) & (with_signal < total)
    fixed = Distribution(int(strata.converters_with[~varies].sum()), np.ones(1))
    rows = zip(
        strata.converters[varies].tolist(), strata.rest[varies].tolist(), with_signal[varies].tolist(), strict=True
    )
    return reduce(_sum_of_two, (_hypergeometric(*row) for row in rows), fixed)


def largest_change(strata: Strata) -> Change:
    """The month from which the odds ratio differs most from that of the months before, tested exactly.

    For every split with at least `LEAST_MONTHS` on each side: given the total of converters with the signal, how they
    divide between before and after does not depend on a common odds ratio (Zelen 1971, Biometrika 58:129). The p-value
    of the best split is multiplied by the number of splits.
    """
    months = np.unique(strata.month)
    by_month = [null_distribution(strata.of(strata.month == month)) for month in months]
    before = list(accumulate(by_month, _sum_of_two))
    after = list(accumulate(reversed(by_month), _sum_of_two))[::-1]
    splits = range(LEAST_MONTHS, len(months) - LEAST_MONTHS + 1)
    p_values = {
        place: _homogeneity_p_value(
            before[place - 1],
            after[place],
            int(strata.converters_with[strata.month < months[place]].sum()),
            int(strata.converters_with.sum()),
        )
        for place in splits
    }
    tested = {place: p for place, p in p_values.items() if not np.isnan(p)}
    if not tested:
        return NOT_TESTED
    place = min(tested, key=lambda split: (tested[split], split))
    is_before = strata.month < months[place]
    return Change(
        month=months[place].item(),
        gap_before=adjusted_difference(strata.of(is_before)).value,
        gap_after=adjusted_difference(strata.of(~is_before)).value,
        p_value=min(1.0, len(tested) * tested[place]),
    )


def benjamini_hochberg(p_values: Floats) -> Floats:
    """The smallest false discovery rate at which each would be a discovery; NaN is no test and stays NaN.

    Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B 57:289.
    """
    q_values = np.full(len(p_values), np.nan)
    tested = np.flatnonzero(~np.isnan(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    scaled = p_values[order] * len(order) / np.arange(1, len(order) + 1)
    q_values[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return q_values


def _homogeneity_p_value(before: Distribution, after: Distribution, observed: int, total: int) -> float:
    """The given total, divided: under one common odds ratio its powers cancel, so both null distributions will do."""
    lowest = max(before.lowest, total - after.lowest - len(after.probabilities) + 1)
    highest = min(before.lowest + len(before.probabilities) - 1, total - after.lowest)
    if highest < lowest:
        return np.nan  # the observed counts lie where both tails were dropped as negligible
    joint = (
        before.probabilities[lowest - before.lowest : highest - before.lowest + 1]
        * after.probabilities[total - highest - after.lowest : total - lowest - after.lowest + 1][::-1]
    )
    return _p_value(Distribution(lowest, joint / joint.sum()), observed)


def _p_value(distribution: Distribution, observed: int) -> float:
    """The probability of all outcomes no more likely than the observed one; NaN where only one outcome is possible."""
    if len(distribution.probabilities) < 2:
        return np.nan
    limit = distribution.probability(observed) * EQUAL
    p = float(distribution.probabilities[distribution.probabilities <= limit].sum())
    return min(1.0, max(p, NEGLIGIBLE))


def _hypergeometric(converters: int, rest: int, showing: int) -> Distribution:
    """How many of `converters` are among `showing` accounts drawn from `converters + rest`."""
    lowest, highest = max(0, showing - rest), min(converters, showing)
    x = np.arange(lowest, highest + 1, dtype=np.float64)
    logs = _log_choose(converters, x) + _log_choose(rest, showing - x)
    probabilities = np.exp(logs - logs.max())
    return _trimmed(Distribution(lowest, probabilities / probabilities.sum()))


def _log_choose(n: int, k: Floats) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1), dtype=np.float64)


def _sum_of_two(one: Distribution, other: Distribution) -> Distribution:
    probabilities = np.convolve(one.probabilities, other.probabilities)
    return _trimmed(Distribution(one.lowest + other.lowest, probabilities))


def _trimmed(distribution: Distribution) -> Distribution:
    kept = np.flatnonzero(distribution.probabilities > NEGLIGIBLE * distribution.probabilities.max())
    first, last = int(kept[0]), int(kept[-1])
    return Distribution(distribution.lowest + first, distribution.probabilities[first : last + 1])


def _lift_record(key: Key, strata: Strata) -> dict[str, Any]:
    window, signal, at_least = key
    decided = strata.of(strata.converters + strata.rest > 0)
    return {
        "time_window": window,
        "signal": signal,
        "at_least": at_least,
        "first_month": decided.month.min().item() if len(decided.month) else None,
        "last_month": decided.month.max().item() if len(decided.month) else None,
        **_rates(strata),
        **_named("lift", ratio(*_totals(strata))),
        **_named("adjusted_gap", adjusted_difference(strata)),
        "undecided": int(strata.undecided.sum()),
    }


def _month_records(key: Key, strata: Strata) -> Iterator[dict[str, Any]]:
    window, signal, at_least = key
    for month in np.unique(strata.month):
        of_month = strata.of(strata.month == month)
        yield {
            "time_window": window,
            "signal": signal,
            "at_least": at_least,
            "cohort_month": month.item(),
            **_rates(of_month),
            "adjusted_gap": adjusted_difference(of_month).value,
        }


def _trend_record(change: Change, q_value: float) -> dict[str, Any]:
    is_change = bool(q_value < FALSE_DISCOVERY_RATE)
    direction = "decayed" if abs(change.gap_after) < abs(change.gap_before) else "grown"
    return {
        "trend": None if np.isnan(q_value) else direction if is_change else "steady",
        "changed_in": change.month if is_change else None,
        "gap_before": change.gap_before if is_change else np.nan,
        "gap_after": change.gap_after if is_change else np.nan,
        "change_p_value": change.p_value,
        "change_q_value": q_value,
    }


def _rates(strata: Strata) -> dict[str, Any]:
    with_one, one, with_other, other = _totals(strata)
    return {
        "converters": one,
        "converters_with": with_one,
        "rest": other,
        "rest_with": with_other,
        "rate_converters": with_one / one if one else np.nan,
        "rate_rest": with_other / other if other else np.nan,
        **_named("gap", difference(with_one, one, with_other, other)),
    }


def _totals(strata: Strata) -> tuple[int, int, int, int]:
    columns = (strata.converters_with, strata.converters, strata.rest_with, strata.rest)
    with_one, one, with_other, other = (int(column.sum()) for column in columns)
    return with_one, one, with_other, other


def _named(name: str, estimate: Estimate) -> dict[str, float]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}


def _ranked(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rank the thresholds of each signal, and the signals of each window by their best threshold."""
    thresholds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for record in records:
        thresholds.setdefault((record["time_window"], record["signal"]), []).append(record)
    for rows in thresholds.values():
        rows.sort(key=_order)
    windows: dict[str, list[list[dict[str, Any]]]] = {}
    for (window, _), rows in thresholds.items():
        windows.setdefault(window, []).append(rows)
    return [
        row | {"rank": rank, "threshold_rank": threshold_rank}
        for window in sorted(windows)
        for rank, rows in enumerate(sorted(windows[window], key=lambda rows: _order(rows[0])), start=1)
        for threshold_rank, row in enumerate(rows, start=1)
    ]


def _order(record: dict[str, Any]) -> tuple[int, float, str, int]:
    """Discoveries by what the gap is at least; then the others, the less surprising the later; untested ones last."""
    if record["is_discovery"]:
        return (
            0,
            -max(record["adjusted_gap_low"], -record["adjusted_gap_high"], 0.0),
            record["signal"],
            record["at_least"],
        )
    p_value = record["p_value"]
    return (
        (2, 0.0, record["signal"], record["at_least"])
        if np.isnan(p_value)
        else (1, p_value, record["signal"], record["at_least"])
    )
