"""From margin to probability with an interval, as a step map that SQL can repeat.

Four ways to a probability are compared on later accounts: a shift of the intercept, Platt's two numbers, Venn-Abers,
isotonic regression. The interval is Venn-Abers', whichever wins: for a margin s, p0(s) is the isotonic estimate at s
once (s, not won) joins the calibration rows, and p1(s) the one once (s, won) does. It is widened to where the isotonic
curve lies in nine of ten resamples of the accounts, since [p0, p1] alone holds the true rate of few accounts.
Sources: Vovk, Petej, Fedorova, "Large-scale probabilistic predictors with and without guarantees of validity", 2015;
Platt, "Probabilistic outputs for support vector machines", 1999.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingModuleSource=false
# (venn-abers and scikit-learn ship no types)

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import isotonic_regression
from sklearn.isotonic import IsotonicRegression
from venn_abers import calc_p0p1

from ml.arrow import Floats, Integers, Texts
from ml.evaluate import shifted_to_base_rate, sigmoid

Method = Literal["intercept_shift", "platt", "venn_abers", "isotonic"]
METHODS: tuple[Method, ...] = ("intercept_shift", "platt", "venn_abers", "isotonic")  # the simplest first

NOMINAL = 0.9  # share of accounts whose true rate is to lie in their interval
RESAMPLES = 200
SEED = 13
MOST_KNOTS = 2_000  # of a resampled curve; more rows are joined to neighbours
GRID = 500  # steps of a smooth curve, by rank and again by size; finer steps differ by less than 0.01

FLOAT_NOISE = 1e-12  # isotonic means of equal blocks differ by this much at most; a larger fall is a fault


class NotMonotone(ValueError):  # noqa: N818 - the name says what is wrong
    """A calibration map is not one: its columns must not fall, and low <= probability <= high."""


@dataclass(frozen=True)
class CalibrationMap:
    """Steps: a margin belongs to the last step whose `margin_from` it reaches; the first is minus infinity."""

    margin_from: Floats
    probability: Floats
    probability_low: Floats
    probability_high: Floats


@dataclass(frozen=True)
class Calibrated:
    """Probabilities of some rows, with their Venn-Abers interval."""

    probability: Floats
    probability_low: Floats
    probability_high: Floats


Curve = Callable[[Floats], Floats]


def fit_calibration(margins: Floats, labels: Floats, accounts: Texts, method: Method) -> CalibrationMap:
    """Learn the map from out-of-time margins and their labels (0 or 1, both must occur).

    Args:
        margins: log odds by row.
        labels: outcomes by row.
        accounts: whose row it is; resamples draw accounts.
        method: where the probability comes from. It is kept inside the interval.

    Raises:
        ValueError: one class only, or no rows.
    """
    steps = venn_abers_map(margins, labels)
    if method != "venn_abers":
        steps = _with_curve(steps, _fit_curve(method, margins, labels), margins)
    return check_map(_merge_equal(_widened(steps, margins, labels, accounts)))


def venn_abers_map(margins: Floats, labels: Floats) -> CalibrationMap:
    """The map whose interval is [p0, p1] and whose probability is the one between that loses least.

    Raises:
        ValueError: one class only, or no rows.
    """
    if len(np.unique(labels)) != 2:
        raise ValueError("calibration needs both won and not won rows")
    low, high, knots = _venn_abers(margins, labels)
    return check_map(_merge_equal(_steps(low, high, knots)))


def apply_calibration(steps: CalibrationMap, margins: Floats) -> Calibrated:
    """Look each margin up."""
    at = np.searchsorted(steps.margin_from, margins, side="right") - 1
    return Calibrated(steps.probability[at], steps.probability_low[at], steps.probability_high[at])


def calibration_hash(steps: CalibrationMap | None) -> str:
    """SHA-256 over the map's numbers; of nothing when there is no map."""
    digest = hashlib.sha256()
    if steps is not None:
        for column in (steps.margin_from, steps.probability, steps.probability_low, steps.probability_high):
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _venn_abers(margins: Floats, labels: Floats) -> tuple[Floats, Floats, Floats]:
    """The library's vectors: p0 and p1 at each distinct margin, with one entry more for outside, and those margins."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # it divides 0 by 0 on purpose, then skips the NaN
        low, high, knots = calc_p0p1(np.column_stack([-margins, margins]), labels)
    return np.asarray(low)[:, 1] + 0.0, np.asarray(high)[:, 1] + 0.0, np.asarray(knots, dtype=np.float64)


def _steps(low: Floats, high: Floats, knots: Floats) -> CalibrationMap:
    """Three kinds of step: below all knots, exactly at a knot, and just above it.

    p0 rises at a knot (a lost row there is pooled with it, one just below is not), p1 just above it.
    """
    margin_from = np.concatenate([[-np.inf], np.column_stack([knots, np.nextafter(knots, np.inf)]).ravel()])
    p0 = np.concatenate([low[:1], np.repeat(low[1:], 2)])
    p1 = np.concatenate([high[:1], np.column_stack([high[:-1], high[1:]]).ravel()])
    p0, p1 = _without_noise(p0), _without_noise(p1)
    return CalibrationMap(margin_from, p1 / (1 - p0 + p1), p0, p1)


def _without_noise(column: Floats) -> Floats:
    if np.any(np.diff(column) < -FLOAT_NOISE):
        raise NotMonotone("a calibration column falls as the margin rises")
    return np.maximum.accumulate(column)


def _merge_equal(steps: CalibrationMap) -> CalibrationMap:
    columns = (steps.probability, steps.probability_low, steps.probability_high)
    changed = np.any([np.diff(column) != 0 for column in columns], axis=0)
    keep = np.concatenate([[True], changed])
    # two neighbouring floats may both be knots: "just above the first" is the second, whose own step then counts
    keep[:-1] &= np.diff(steps.margin_from) > 0
    return CalibrationMap(steps.margin_from[keep], *(column[keep] for column in columns))


def _fit_curve(method: Method, margins: Floats, labels: Floats) -> Curve:
    if method == "isotonic":
        fitted = IsotonicRegression(out_of_bounds="clip").fit(margins, labels)
        return lambda at: np.asarray(fitted.predict(at), dtype=np.float64)
    if method == "platt":
        slope, shift = platt(margins, labels)
        return lambda at: sigmoid(slope * at + shift)
    shift = float((shifted_to_base_rate(margins, labels) - margins)[0])
    return lambda at: sigmoid(at + shift)


def platt(margins: Floats, labels: Floats) -> tuple[float, float]:
    """Slope (0 at least) and shift of the log odds, by Newton's method on Platt's targets."""
    won = float(labels.sum())
    lost = len(labels) - won
    targets = np.where(labels == 1, (won + 1) / (won + 2), 1 / (lost + 2))
    X = np.column_stack([margins - margins.mean(), np.ones(len(margins))])
    weights = np.array([0.0, np.log((won + 1) / (lost + 1))])
    for _ in range(30):
        probability = sigmoid(X @ weights)
        gradient = X.T @ (probability - targets)
        curvature = (X * (probability * (1 - probability))[:, None]).T @ X + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-10:
            break
    if weights[0] < 0:  # a map that falls is none: everybody gets the base rate
        return 0.0, float(np.log((won + 1) / (lost + 1)))
    return float(weights[0]), float(weights[1] - weights[0] * margins.mean())


def _with_curve(steps: CalibrationMap, curve: Curve, margins: Floats) -> CalibrationMap:
    """The same interval, cut into finer steps that follow a curve."""
    by_rank = np.quantile(margins, np.linspace(0, 1, GRID))
    by_size = np.linspace(margins.min(), margins.max(), GRID)
    margin_from = np.unique(np.concatenate([steps.margin_from, by_rank, by_size]))
    inside = apply_calibration(steps, margin_from)
    probability = np.maximum.accumulate(curve(_middles(margin_from)))
    return CalibrationMap(margin_from, probability, inside.probability_low, inside.probability_high)


def _middles(margin_from: Floats) -> Floats:
    """A margin inside each step: its middle; the border of the two that have none."""
    if len(margin_from) == 1:
        return np.zeros(1)
    return np.concatenate([margin_from[1:2], (margin_from[1:-1] + margin_from[2:]) / 2, margin_from[-1:]])


def _widened(steps: CalibrationMap, margins: Floats, labels: Floats, accounts: Texts) -> CalibrationMap:
    """The interval, widened to the middle of the resampled isotonic curves, and the probability kept inside."""
    tail = (1 - NOMINAL) / 2
    low, high = np.quantile(_resampled_curves(steps, margins, labels, accounts), [tail, 1 - tail], axis=0)
    low = np.maximum.accumulate(np.minimum(steps.probability_low, low))
    high = np.maximum.accumulate(np.maximum(steps.probability_high, high))
    return CalibrationMap(steps.margin_from, np.clip(steps.probability, low, high), low, high)


def _resampled_curves(steps: CalibrationMap, margins: Floats, labels: Floats, accounts: Texts) -> Floats:
    """(resamples, steps): the isotonic curve at each step, fitted on as many accounts drawn with replacement."""
    at = _middles(steps.margin_from)
    knot_of_row, knots = _knots(margins)
    _, account_of_row = np.unique(accounts.astype(str), return_inverse=True)
    count = int(account_of_row.max()) + 1
    random = np.random.default_rng(SEED)
    curves = np.empty((RESAMPLES, len(at)))
    for drawn in range(RESAMPLES):
        weights = np.bincount(random.integers(0, count, count), minlength=count)[account_of_row]
        rows = np.bincount(knot_of_row, weights, len(knots))
        won = np.bincount(knot_of_row, weights * labels, len(knots))
        there = rows > 0
        # Not scikit-learn's: the same bits in a third of the time, without its checks of what it is given.
        fitted = isotonic_regression(won[there] / rows[there], weights=rows[there])
        curves[drawn] = np.interp(at, knots[there], fitted.x)
    return curves


def _knots(margins: Floats) -> tuple[Integers, Floats]:
    """Each row's knot, and the knots: the distinct margins, or the means of as many groups of neighbours as allowed."""
    distinct, place = np.unique(margins, return_inverse=True)
    if len(distinct) <= MOST_KNOTS:
        return place.astype(np.int64), distinct
    group = np.arange(len(distinct), dtype=np.int64) * MOST_KNOTS // len(distinct)
    return group[place], np.bincount(group, distinct) / np.bincount(group)


def check_map(steps: CalibrationMap) -> CalibrationMap:
    """Give the map back when it is one.

    Raises:
        NotMonotone: margins do not ascend from minus infinity, a column falls, or low > probability > high somewhere.
    """
    low, middle, high = steps.probability_low, steps.probability, steps.probability_high
    if not len(low) or steps.margin_from[0] != -np.inf or np.any(np.diff(steps.margin_from) <= 0):
        raise NotMonotone("a calibration map starts at minus infinity and ascends")
    if any(np.any(np.diff(column) < 0) for column in (low, middle, high)):
        raise NotMonotone("a calibration column falls as the margin rises")
    if np.any(low > middle) or np.any(middle > high) or np.any(low < 0) or np.any(high > 1):
        raise NotMonotone("a calibration step is not 0 <= low <= probability <= high <= 1")
    return steps
