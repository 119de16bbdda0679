"""From margin to probability with an interval: inductive Venn-Abers as a step map.

For a margin s, p0(s) is the isotonic estimate at s once (s, not won) joins the calibration rows, and p1(s) the one once
(s, won) does. One of the two is calibrated; the interval [p0, p1] says how much the calibration rows pin it down.
Source: Vovk, Petej, Fedorova, "Large-scale probabilistic predictors with and without guarantees of validity", 2015.
"""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (the venn-abers package ships no types)

import hashlib
import warnings
from dataclasses import dataclass

import numpy as np
from venn_abers import calc_p0p1

from ml.arrow import Floats

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


def fit_calibration(margins: Floats, labels: Floats) -> CalibrationMap:
    """Learn the map from out-of-time margins and their labels (0 or 1, both must occur).

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
    changed = (np.diff(steps.probability_low) != 0) | (np.diff(steps.probability_high) != 0)
    keep = np.concatenate([[True], changed])
    # two neighbouring floats may both be knots: "just above the first" is the second, whose own step then counts
    keep[:-1] &= np.diff(steps.margin_from) > 0
    return CalibrationMap(
        steps.margin_from[keep], steps.probability[keep], steps.probability_low[keep], steps.probability_high[keep]
    )


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
