"""What routing brings: accounts drawn to be routed against those that were held out, whatever became of them."""
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (SciPy ships no types)

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from ml.arrow import Floats, Integers
from ml.intervals import wilson

LEVEL = 0.95
POWER = 0.8


@dataclass(frozen=True)
class Arms:
    """Counts of accounts by stratum (the grade at which an account was drawn); arrays of equal length."""

    routed: Integers
    routed_won: Integers
    held_out: Integers
    held_out_won: Integers


@dataclass(frozen=True)
class Lift:
    """The difference of two won rates over the same mix of strata, with its interval; NaN where nothing compares."""

    value: float
    low: float
    high: float
    rate_routed: float
    rate_held_out: float


def intention_to_treat(arms: Arms, level: float = LEVEL) -> Lift:
    """How many more of the accounts are won that were to be routed, by the arm that was drawn, not by what was done.

    Strata with both arms are weighted as by Cochran, Mantel and Haenszel. The interval joins those of the two arms
    (Newcombe 1998, Statistics in Medicine 17:873), each of them Wilson's at the effective size of the weighted rate. So
    it holds where few or none are won, as among a few accounts held out; Yan and Su's (2010), with a smaller z in each
    stratum, held in 84 of 100 simulated experiments of 155 accounts, this one in 94 or more.
    """
    compared = (arms.routed > 0) & (arms.held_out > 0)
    if not compared.any():
        return Lift(*[float("nan")] * 5)
    routed, held_out = arms.routed[compared].astype(np.float64), arms.held_out[compared].astype(np.float64)
    weights = routed * held_out / (routed + held_out)
    weights = weights / weights.sum()
    one, one_low, one_high = _weighted_rate(arms.routed_won[compared], routed, weights, level)
    other, other_low, other_high = _weighted_rate(arms.held_out_won[compared], held_out, weights, level)
    value = one - other
    low = value - float(np.hypot(one - one_low, other_high - other))
    high = value + float(np.hypot(one_high - one, other - other_low))
    return Lift(value, low, high, one, other)


def minimum_detectable_lift(
    routed: Integers, held_out: Integers, rates: Floats, power: float = POWER, level: float = LEVEL
) -> float:
    """The smallest lift that an experiment of this size would tell from none as often as `power` says.

    Args:
        routed: accounts to be routed, by stratum.
        held_out: accounts to be held out, by stratum.
        rates: the won rate to expect of those held out, by stratum, from 0 to 1.
        power: how often such a lift would be found.
        level: of the interval that has to leave zero out.

    Returns:
        Added to the rate of every stratum (which stays below 1); NaN where no lift would be found or nothing compares.
    """
    compared = (routed > 0) & (held_out > 0)
    if not compared.any():
        return float("nan")
    n1, n0, base = routed[compared].astype(np.float64), held_out[compared].astype(np.float64), rates[compared]
    low, high = 0.0, float(1 - base.max())
    if _power(high, n1, n0, base, level) < power:
        return float("nan")
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if _power(middle, n1, n0, base, level) >= power else (middle, high)
    return high


def _power(lift: float, routed: Floats, held_out: Floats, base: Floats, level: float) -> float:
    """Chance that the interval, as wide as the expected rates make it, leaves zero out (normal approximation)."""
    weights = routed * held_out / (routed + held_out)
    weights = weights / weights.sum()
    raised, z = base + lift, float(ndtri((1 + level) / 2))
    one, other = float(weights @ raised), float(weights @ base)
    below = one - wilson(one, _effective_size(routed, weights), z)[0]
    above = wilson(other, _effective_size(held_out, weights), z)[1] - other
    spread = np.sum(weights**2 * (raised * (1 - raised) / routed + base * (1 - base) / held_out))
    return float(ndtr((lift - np.hypot(below, above)) / max(float(np.sqrt(spread)), 1e-12)))


def _weighted_rate(won: Integers, of: Floats, weights: Floats, level: float) -> tuple[float, float, float]:
    """A weighted mean of rates with its interval: rate, low, high."""
    rate = float(weights @ (won / of))
    return rate, *wilson(rate, _effective_size(of, weights), float(ndtri((1 + level) / 2)))


def _effective_size(of: Floats, weights: Floats) -> float:
    """How many accounts in one stratum would say as much (Kish 1965, Survey Sampling, 8.2)."""
    return 1 / float(np.sum(weights**2 / of))
