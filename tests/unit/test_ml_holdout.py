"""What routing brings is measured with an interval that holds, and the size of an experiment is known before."""

import os
from statistics import NormalDist

import numpy as np
import pytest

from ml.holdout import Arms, Lift, intention_to_treat, minimum_detectable_lift

FULL = os.environ.get("PQL_TEST_FULL") == "1"
ENTRANTS = np.array([60, 120, 200, 150, 70])
BASE = np.array([0.30, 0.15, 0.08, 0.03, 0.01])


def simulated(seed: int, share: float, lift: np.ndarray) -> Arms:
    """One experiment: accounts are held out within each band by the share, rounded at random, and won by chance."""
    draw = np.random.default_rng(seed)
    held_out = np.floor(ENTRANTS * share + draw.random(len(ENTRANTS))).astype(np.int64)
    routed = ENTRANTS - held_out
    return Arms(routed, draw.binomial(routed, BASE + lift), held_out, draw.binomial(held_out, BASE))


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("effect", [0.0, 0.6])
def test_the_true_lift_lies_in_the_interval_in_90_of_100_seeds(share: float, effect: float, record_property):
    lift = BASE * effect
    true = float(ENTRANTS @ lift / ENTRANTS.sum())
    seeds = 2000 if FULL else 100

    found = [intention_to_treat(simulated(seed, share, lift)) for seed in range(seeds)]

    covered = sum(estimate.low <= true <= estimate.high for estimate in found)
    record_property("covered", f"{covered} of {seeds}")
    assert covered >= (0.94 if FULL else 0.9) * seeds


def test_an_effect_as_large_as_the_minimum_is_found_about_as_often_as_promised():
    held_out = np.full(5, 40)
    routed = ENTRANTS * 3
    lift = minimum_detectable_lift(routed, held_out, BASE)
    draw = np.random.default_rng(3)

    found = 0
    for _ in range(400):
        arms = Arms(routed, draw.binomial(routed, BASE + lift), held_out, draw.binomial(held_out, BASE))
        found += intention_to_treat(arms).low > 0

    assert 0.7 <= found / 400 <= 0.9


def test_more_accounts_detect_smaller_lifts_and_too_few_none():
    few, many = np.full(5, 20), np.full(5, 2000)

    assert minimum_detectable_lift(many, many, BASE) < minimum_detectable_lift(few, few, BASE)
    assert np.isnan(minimum_detectable_lift(np.array([5]), np.array([1]), np.array([0.5])))
    assert np.isnan(minimum_detectable_lift(np.array([5]), np.array([0]), np.array([0.5])))


def test_one_stratum_is_newcombe_s_interval():
    """56 of 70 against 48 of 80: 0.2 with 0.0524 to 0.3339 (Newcombe 1998, table II, example a, method 10)."""
    found = intention_to_treat(Arms(*(np.array([count]) for count in (70, 56, 80, 48))))

    assert (round(found.value, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)


def test_strata_are_compared_within_themselves():
    """More good accounts on one side are no lift: within each band both sides are won alike."""
    arms = Arms(np.array([900, 100]), np.array([450, 10]), np.array([10, 90]), np.array([5, 9]))

    found = intention_to_treat(arms)

    assert found.value == pytest.approx(0)
    assert found.low < 0 < found.high


def test_a_stratum_with_one_side_alone_says_nothing():
    alone = Arms(np.array([10, 50]), np.array([9, 20]), np.array([0, 50]), np.array([0, 10]))
    without = Arms(np.array([50]), np.array([20]), np.array([50]), np.array([10]))

    assert intention_to_treat(alone) == intention_to_treat(without)
    nothing = intention_to_treat(Arms(*(np.array([count]) for count in (10, 1, 0, 0))))
    assert all(np.isnan(getattr(nothing, name)) for name in Lift.__dataclass_fields__)


def test_the_interval_of_a_level_is_as_wide_as_the_level_says():
    arms = simulated(1, 0.3, BASE * 0.2)
    wide, narrow = intention_to_treat(arms, 0.99), intention_to_treat(arms, 0.5)

    ratio = NormalDist().inv_cdf(0.995) / NormalDist().inv_cdf(0.75)
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(ratio, rel=0.1)
