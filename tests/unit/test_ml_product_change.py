"""The simulated product changes on 2026-01-01: exports stop to matter, automations begin to. Learned weights follow."""

import os
from functools import cache
from unittest.mock import patch

import pytest
from simulated_year import simulated_year
from test_ml_simulated_company import RULES, TRAINED_AT

from demo.period import PRODUCT_CHANGE
from demo.signals import INDEX, SIGNALS, STRONGEST
from ml.dataset import Dataset
from ml.explain import SignalWeight
from ml.train import Options, train

FULL = bool(os.environ.get("PQL_TEST_FULL"))
ACCOUNTS = 10_000 if FULL else 5_000
SEEDS = (3, 4, 5) if FULL else (3,)
HORIZON = 30
CHANGED = {name: (SIGNALS[at].effect_before, SIGNALS[at].effect_after) for name, at in INDEX.items()}
FADING = [name for name, (before, after) in CHANGED.items() if before > after]
RISING = [name for name, (before, after) in CHANGED.items() if before < after]


@cache
def year(seed: int) -> Dataset:
    """Won: a deal that opened within 30 days of the date, and was won later; its effects are those of that time."""
    return simulated_year(ACCOUNTS, seed, HORIZON, by_opening=True).dataset


@cache
def weights(seed: int, since: bool) -> dict[str, SignalWeight]:
    """What is learned from the dates before the change alone, or since."""
    dataset = year(seed)
    chosen = (dataset.dates >= PRODUCT_CHANGE) == since
    with patch("ml.boosting.MAX_ROUNDS", 40):
        model = train(dataset.rows(chosen), RULES, HORIZON, TRAINED_AT)
    assert model.record.rung != "rules", model.ladder[0].reason
    return {weight.signal: weight for weight in model.signal_weights}


def test_the_change_is_the_planted_one():
    assert (FADING, RISING) == (["export_run"], ["automation_created"])


@pytest.mark.parametrize("seed", SEEDS)
def test_learned_weights_follow_the_change_of_the_product(seed: int):
    before, since = weights(seed, since=False), weights(seed, since=True)
    for name in FADING:
        assert before[name].share > 2 * since[name].share
        assert before[name].direction == 1
    for name in RISING:
        assert since[name].share > 2 * before[name].share
        assert since[name].direction == 1
    for name in STRONGEST:  # what did not change stays what matters
        assert before[name].direction == since[name].direction == 1
        assert 0.5 < before[name].share / since[name].share < 2


@pytest.mark.skipif(not FULL, reason="two trainings on the whole year; PQL_TEST_FULL=1")
def test_with_recency_weights_a_model_of_the_whole_year_follows_sooner():
    dataset = year(SEEDS[0])
    shares: dict[float | None, dict[str, float]] = {}
    for half_life in (None, 60.0):
        with patch("ml.boosting.MAX_ROUNDS", 40):
            model = train(dataset, RULES, HORIZON, TRAINED_AT, options=Options(half_life_days=half_life))
        shares[half_life] = {weight.signal: weight.share for weight in model.signal_weights}
    assert shares[60.0][FADING[0]] < shares[None][FADING[0]]
    assert shares[60.0][RISING[0]] > shares[None][RISING[0]]
