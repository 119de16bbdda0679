"""Whether today's accounts are still like those that a model learned from, feature by feature, and its score.

Two questions, two limits, both from the training rows themselves. *Is the difference more than chance?* `threshold`:
samples of today's size are drawn from the training rows, as many times as it takes to know the largest difference that
chance makes among all features together. *Is it more than one date differs from another?* `usual`: each training date
is compared with those at least one horizon away, as today is from the newest of them; the limit is the largest such
distance. Past the first a feature warns, past both it has drifted. Of a growing company most features pass the first:
its accounts grow older and richer, and did so while the model was learned.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ml import arrow
from ml.arrow import Bools, Dates, Floats, Integers, Schema, Table, Texts
from ml.dataset import Dataset
from ml.evaluate import auc, auc_interval

Result = Literal["ok", "warn", "drifted"]

SCORE = "score"  # stands beside the features
PSI, MISSING, AUC = "psi", "missing_share", "auc"
BINS = 10
DRAWS = 400
FALSE_ALARMS = 0.05  # chance of one warning or more, over all features of a run, where nothing has changed
FEWEST_DATES = 3  # to know how much dates differ
# Where more of the features have drifted, the run has. Of nine dates that differ by chance alone, the newest is the
# farthest for a tenth of the features.
DRIFTED_FEATURES = 0.2
SEED = 13

DRIFT: Schema = {
    "model_version": "text",
    "feature": "text",
    "measure": "text",
    "value": "float",
    "reference": "float",
    "threshold": "float",
    "usual": "float",
    "verdict": "text",
    "reference_rows": "integer",
    "scored_rows": "integer",
}


@dataclass(frozen=True)
class Drift:
    """One measure of one feature. `usual` is NaN where too few dates are far enough apart to know.

    `psi`: population stability index over tenths of the training rows, known values alone; `reference` is 0.
    `missing_share`: the share without a value; `reference` is that of the training rows, and the limits are distances.
    `auc`: of the score on accounts whose outcome is known by now; `reference` is what the backtest promised.
    """

    feature: str
    measure: str
    value: float
    reference: float
    threshold: float
    usual: float
    verdict: Result
    reference_rows: int
    scored_rows: int


def measure_drift(
    learned: Dataset, learned_margins: Floats, today: Dataset, todays_margins: Floats, horizon_days: int
) -> tuple[Drift, ...]:
    """PSI and missing share of each feature and of the score.

    Args:
        learned: rows that the model was trained on, evenly over time, in its own encoding.
        learned_margins: the model's margin for each of these rows.
        today: the rows that are scored, in the same encoding.
        todays_margins: their margins.
        horizon_days: the least distance between today and the newest training date.
    """
    if not len(learned.dates) or not len(today.dates):
        return ()
    before = np.column_stack([learned.X, learned_margins])
    now = np.column_stack([today.X, todays_margins])
    names = [*(feature.name for feature in learned.encoding), SCORE]
    accounts = len(set(learned.account_ids))
    columns = [_compare_column(before[:, j], now[:, j], learned.dates, horizon_days) for j in range(len(names))]
    sizes = (accounts, len(now))
    psi_limits = _joint_limits([_psi_by_chance(column.shares, *sizes, j) for j, column in enumerate(columns)], np.cbrt)
    missing_limits = _joint_limits(
        [_missing_by_chance(column.missing_before, *sizes, j) for j, column in enumerate(columns)], np.sqrt
    )
    # Of what no training row shows, chance shows up to ln(1 / level) in today's rows.
    never_seen = np.log(2 * len(names) / FALSE_ALARMS) / min(sizes)
    found: list[Drift] = []
    for name, column, psi_limit, missing_limit in zip(names, columns, psi_limits, missing_limits, strict=True):
        rows = (len(before), len(now))
        result = _verdict(column.psi, psi_limit, column.psi_usual)
        found.append(Drift(name, PSI, column.psi, 0.0, psi_limit, column.psi_usual, result, *rows))
        limit = max(missing_limit, never_seen)
        result = _verdict(abs(column.missing_now - column.missing_before), limit, column.missing_usual)
        values = (column.missing_now, column.missing_before, limit, column.missing_usual)
        found.append(Drift(name, MISSING, *values, result, *rows))
    return tuple(found)


def measure_performance(
    margins: Floats, labels: Floats, accounts: Texts, promised: float, promised_low: float
) -> tuple[Drift, ...]:
    """The score's AUC on outcomes that came after its training, beside what its backtest promised.

    Args:
        margins: of rows that the model was not trained on, whose label window is over; no others say anything.
        labels: 0 or 1.
        accounts: whose row it is.
        promised: the backtest's AUC.
        promised_low: the lower end of its interval.

    Returns:
        Nothing where one class is missing. Drifted: the interval lies below the promised one. Warn: the value does.
    """
    if len(np.unique(labels)) < 2:
        return ()
    value = auc(margins, labels)
    _, high = auc_interval(margins, labels, accounts)
    result: Result = "drifted" if high < promised_low else "warn" if value < promised_low else "ok"
    return (Drift(SCORE, AUC, value, promised, promised_low, float("nan"), result, 0, len(labels)),)


def overall(found: Sequence[Drift]) -> Result:
    """What the run makes of it: drifted where the score has, by any measure, or more than a fifth of the features.

    The score weighs what matters; single features move for reasons of their own, and are a warning.
    """
    drifted = {drift.feature for drift in found if drift.verdict == "drifted"}
    features = {drift.feature for drift in found} - {SCORE}
    if SCORE in drifted or len(drifted) > DRIFTED_FEATURES * len(features):
        return "drifted"
    fell = any(drift.measure == AUC and drift.verdict == "warn" for drift in found)
    return "warn" if drifted or fell else "ok"


def in_words(found: Sequence[Drift]) -> str:
    """One line for whoever watches the run: the verdict, and the worst of what is behind it."""
    loud = [
        drift for drift in found if drift.verdict == "drifted" or (drift.measure == AUC and drift.verdict == "warn")
    ]
    if not loud:
        return "today's accounts differ from those that the model learned from no more than those do from each other"
    loud.sort(key=lambda drift: (drift.feature != SCORE, -_excess(drift), drift.feature))
    told = ", ".join(f"{drift.feature} ({_one_in_words(drift)})" for drift in loud[:3])
    return f"drift ({overall(found)}): {told}" + (f" and {len(loud) - 3} more" if len(loud) > 3 else "")


def drift_table(model_version: str, found: Sequence[Drift]) -> Table:
    """The rows of `ml.drift`, without their run."""
    return arrow.build_rows(DRIFT, [{"model_version": model_version, **vars(drift)} for drift in found])


def population_stability(before: Floats, now: Floats) -> Floats:
    """Sum over bins of (q - p) ln(q / p), for counts along the last axis; half a row is added to every bin.

    Source: Lewis, "An Introduction to Credit Scoring", 1994; its distribution where nothing changed: Yurdakul,
    "Statistical Properties of Population Stability Index", 2018.
    """
    bins = before.shape[-1]
    p = (before + 0.5) / (before.sum(axis=-1, keepdims=True) + bins / 2)
    q = (now + 0.5) / (now.sum(axis=-1, keepdims=True) + bins / 2)
    return ((q - p) * np.log(q / p)).sum(axis=-1)


@dataclass(frozen=True)
class _Column:
    """One column compared: `shares` are the training rows' over the bins of known values."""

    shares: Floats
    psi: float
    psi_usual: float
    missing_before: float
    missing_now: float
    missing_usual: float


def _compare_column(before: Floats, now: Floats, dates: Dates, horizon_days: int) -> _Column:
    edges = _edges(before)
    bins = len(edges) + 1
    days, day_of_row = np.unique(dates, return_inverse=True)
    by_day = _counts(before, edges, day_of_row, len(days))
    whole, todays = by_day.sum(axis=0), _counts(now, edges, np.zeros(len(now), dtype=np.int64), 1)[0]
    far = _others_far_away(days, horizon_days)
    others = far.astype(np.float64) @ by_day
    compared = far.any(axis=1) & (by_day.sum(axis=1) > 0)
    return _Column(
        shares=whole[:bins] / max(1.0, whole[:bins].sum()),
        psi=float(population_stability(whole[:bins], todays[:bins])),
        psi_usual=_largest(population_stability(others[compared, :bins], by_day[compared, :bins])),
        missing_before=_missing_share(whole),
        missing_now=_missing_share(todays),
        missing_usual=_largest(
            np.array([abs(_missing_share(others[k]) - _missing_share(by_day[k])) for k in np.flatnonzero(compared)])
        ),
    )


def _edges(values: Floats) -> Floats:
    """Upper ends of all bins but the last: tenths of the known values, equal ones once."""
    known = values[~np.isnan(values)]
    return np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.zeros(0)


def _counts(values: Floats, edges: Floats, group: Integers, groups: int) -> Floats:
    """(groups, bins + 1) rows by bin; the last column counts those without a value."""
    width = len(edges) + 2
    place = np.where(np.isnan(values), width - 1, np.searchsorted(edges, values, side="left"))
    return np.bincount(group * width + place, minlength=groups * width).reshape(groups, width).astype(np.float64)


def _missing_share(counts: Floats) -> float:
    return float(counts[-1] / counts.sum())


def _others_far_away(days: Dates, horizon_days: int) -> Bools:
    """(days, days): which are at least one horizon from each other."""
    numbers = days.astype("datetime64[D]").astype(np.int64)
    return np.abs(numbers[:, None] - numbers[None, :]) >= horizon_days


def _largest(distances: Floats) -> float:
    """The distance that no training date passed; NaN where there are too few of them."""
    return float(distances.max()) if len(distances) >= FEWEST_DATES else float("nan")


def _psi_by_chance(shares: Floats, accounts: int, rows: int, column: int) -> Floats:
    """PSI of samples of today's size against training samples of as many accounts, both drawn from `shares`.

    The rows of an account are alike, so the training rows count as accounts: an upper limit of what chance does.
    """
    random = np.random.default_rng((SEED, column))
    total = shares.sum()
    fair = shares / total if total > 0 else np.full(len(shares), 1 / len(shares))
    drawn = (random.multinomial(size, fair, DRAWS).astype(np.float64) for size in (accounts, rows))
    return population_stability(*drawn)


def _missing_by_chance(share: float, accounts: int, rows: int, column: int) -> Floats:
    random = np.random.default_rng((SEED + 1, column))
    return np.abs(random.binomial(accounts, share, DRAWS) / accounts - random.binomial(rows, share, DRAWS) / rows)


def _joint_limits(by_chance: Sequence[Floats], straightened: np.ufunc) -> list[float]:
    """For each column the limit that in 95 of 100 draws no column passes, half of the level for each measure.

    `straightened` makes the draws of every column nearly normal, whatever its number of bins, so that the largest
    standardised one means the same in all of them (for chi-square: Wilson and Hilferty, 1931).
    """
    drawn = np.stack([np.asarray(straightened(draws), dtype=np.float64) for draws in by_chance])
    middle, spread = drawn.mean(axis=1, keepdims=True), drawn.std(axis=1, keepdims=True)
    standard = np.divide(drawn - middle, spread, out=np.zeros_like(drawn), where=spread > 0)
    largest = float(np.quantile(standard.max(axis=0), 1 - FALSE_ALARMS / 2))
    limits = np.ravel(middle + largest * spread)
    power = 3 if straightened is np.cbrt else 2
    return [float(limit) for limit in limits**power]


def _verdict(distance: float, threshold: float, usual: float) -> Result:
    if not distance > threshold:
        return "ok"
    return "drifted" if distance > usual else "warn"  # never drifted where the usual distance is not known


def _excess(drift: Drift) -> float:
    return abs(drift.value - drift.reference) / max(drift.threshold, 1e-9)


def _one_in_words(drift: Drift) -> str:
    if drift.measure == PSI:
        return f"PSI {drift.value:.3f}, by chance up to {drift.threshold:.3f}"
    if drift.measure == MISSING:
        return f"missing in {drift.value:.0%}, at training in {drift.reference:.0%}"
    return f"AUC {drift.value:.3f} on {drift.scored_rows:,} outcomes since, {drift.reference:.3f} promised"
